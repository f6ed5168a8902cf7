import { useState } from 'preact/hooks';
import type { MediaKind, WireFile, WireMessage } from '../wire.ts';
import { Dialog } from './dialog.tsx';
import { Icon } from './icons.tsx';
import { bytes, words } from './words.ts';

type MediaContent = Extract<WireMessage['content'], { kind: MediaKind }>;

const visual: readonly string[] = ['photo', 'video', 'animation'];
export const isMedia = (content: WireMessage['content']): content is MediaContent =>
  content.kind === 'document' ||
  content.kind === 'audio' ||
  content.kind === 'voice' ||
  content.kind === 'sticker' ||
  visual.includes(content.kind);
export const isVisual = ({ content }: WireMessage) => visual.includes(content.kind);

/** What one message, or the messages of one album, carry. */
export function Media({ messages }: { messages: readonly WireMessage[] }) {
  const shown = messages.filter(({ content }) => isMedia(content));
  // What the picture itself says is better than what the message said of it.
  const [ownRatio, learn] = useState<number | null>(null);
  if (shown.length === 0) return null;
  if (shown.every(isVisual)) {
    return (
      <div
        class="grid"
        data-count={Math.min(shown.length, 10)}
        style={{ aspectRatio: ratioOf(shown, ownRatio) }}
      >
        {shown.map((message) => (
          <Visual key={message.id} message={message} onRatio={learn} />
        ))}
      </div>
    );
  }
  return (
    <div class="files">
      {shown.map(({ id, content }) => (isMedia(content) ? <File key={id} content={content} /> : null))}
    </div>
  );
}

/** One picture keeps its own shape within bounds; an album has the shape of its grid. */
function ratioOf(shown: readonly WireMessage[], ownRatio: number | null): string {
  const [first] = shown;
  if (shown.length === 2) return '2 / 1';
  if (shown.length === 3) return '3 / 2';
  if (shown.length > 3) return '4 / 3';
  const file = first !== undefined && isMedia(first.content) ? first.content.file : undefined;
  const ratio = ownRatio ?? (file?.width ?? 4) / (file?.height ?? 3);
  return String(Math.min(2.4, Math.max(0.7, ratio)));
}

function Visual({ message, onRatio }: { message: WireMessage; onRatio: (ratio: number) => void }) {
  const [isOpen, open] = useState(false);
  const [isHidden, hide] = useState(message.isSpoiler);
  const content = message.content as MediaContent;
  const { file } = content;
  if (file === undefined) {
    return (
      <div class="cell missing">
        <Icon name="photo" size={36} />
        {words.value.noBytes}
      </div>
    );
  }
  if (isHidden) {
    return (
      <button type="button" class="cell hidden" onClick={() => hide(false)}>
        <img src={file.url} alt="" />
      </button>
    );
  }
  if (content.kind === 'video') {
    return (
      // biome-ignore lint/a11y/useMediaCaption: what a bot sends has no captions
      <video
        class="cell"
        src={file.url}
        controls
        playsInline
        preload="metadata"
        aria-label={file.name}
        onLoadedMetadata={({ currentTarget: { videoWidth, videoHeight } }) =>
          videoHeight > 0 && onRatio(videoWidth / videoHeight)
        }
      />
    );
  }
  if (content.kind === 'animation')
    return <video class="cell" src={file.url} autoPlay loop muted playsInline />;
  return (
    <>
      <button
        type="button"
        class="cell"
        aria-label={`${words.value.openPhoto}: ${file.name}`}
        onClick={() => open(true)}
      >
        <img
          src={file.url}
          alt={file.name}
          onLoad={({ currentTarget: { naturalWidth, naturalHeight } }) =>
            naturalHeight > 0 && onRatio(naturalWidth / naturalHeight)
          }
        />
      </button>
      {isOpen && (
        <Dialog label={file.name} kind="photo" onClose={() => open(false)}>
          <button type="button" class="plain" aria-label={words.value.close} onClick={() => open(false)}>
            <img src={file.url} alt={file.name} />
          </button>
        </Dialog>
      )}
    </>
  );
}

function File({ content }: { content: MediaContent }) {
  const { kind, file } = content;
  if (kind === 'sticker') return <Sticker {...(file !== undefined && { file })} />;
  if (file === undefined) {
    const name = kind === 'voice' ? words.value.attachments.voice : kind;
    return (
      <p class="missing-file">
        <Icon name={kind === 'voice' ? 'voice' : 'clip'} /> {name}
      </p>
    );
  }
  if (kind === 'audio' || kind === 'voice') {
    return (
      // biome-ignore lint/a11y/useMediaCaption: what a bot sends has no captions
      <audio controls preload="metadata" src={file.url} aria-label={file.name} />
    );
  }
  const extension = /\.(\w{1,4})$/.exec(file.name)?.[1];
  return (
    <a class="file" href={file.url} download={file.name} aria-label={`${words.value.download}: ${file.name}`}>
      <span class="file-icon">
        <Icon name="download" size={22} />
      </span>
      <span class="file-text">
        <span class="file-name">{file.name}</span>
        <span class="file-size">
          {bytes(file.size)}
          {extension !== undefined && ` · ${extension.toUpperCase()}`}
        </span>
      </span>
    </a>
  );
}

const Sticker = ({ file }: { file?: WireFile }) =>
  file === undefined ? (
    <span class="sticker">
      <Icon name="smile" size={110} />
    </span>
  ) : (
    <img class="sticker" src={file.url} alt={file.name} />
  );
