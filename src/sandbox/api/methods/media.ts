import { type FileKind, type StoredFile, typeOf } from '../../world/files.ts';
import { imageSize } from '../../world/image.ts';
import type { Telegram } from '../../world/telegram.ts';
import { badRequest } from '../errors.ts';
import type { Json, Parameters } from '../parameters.ts';
import { flag, integer } from '../values.ts';

/** What the sandbox can send as a file. */
export type MediaKind = Exclude<FileKind, 'sticker'>;

const largestPhoto = 10 * 1024 * 1024;
const title = (kind: string) => `${kind[0]?.toUpperCase()}${kind.slice(1)}`;

/** A file by id, by upload or by `attach://`; `name` is the parameter that it would be uploaded under. */
export function fileOf(
  telegram: Telegram,
  given: Parameters,
  value: unknown,
  kind: MediaKind,
  name: string = kind,
): StoredFile {
  const attached = typeof value === 'string' && value.startsWith('attach://') ? value.slice(9) : name;
  const upload = given.files.get(attached);
  if (upload !== undefined) {
    const size = upload.bytes.length;
    if (size === 0) throw badRequest('file must be non-empty');
    if (kind === 'photo' && size > largestPhoto)
      throw badRequest(
        `file of size ${size} bytes is too big for a photo; the maximum size is ${largestPhoto} bytes`,
      );
    if (kind === 'photo' && imageSize(upload.bytes) === null) throw badRequest('IMAGE_PROCESS_FAILED');
    return telegram.files.add(kind, upload);
  }
  if (value === undefined || value === '') throw badRequest(`there is no ${kind} in the request`);
  const known = telegram.files.find(String(value));
  // Nothing outside the machine is loaded.
  if (known === undefined)
    throw badRequest(
      /^https?:\/\//i.test(String(value))
        ? 'failed to get HTTP URL content'
        : 'wrong file identifier/HTTP URL specified',
    );
  if (known.kind !== kind) throw badRequest(`can't use file of type ${title(known.kind)} as ${title(kind)}`);
  return known;
}

/** The fields of a Message that carry a file. Size and length are the caller's, or the picture's own. */
export function mediaContent(telegram: Telegram, kind: MediaKind, file: StoredFile, values: Json): Json {
  const base = { file_id: file.id, file_unique_id: file.id.slice(-16), file_size: file.size };
  const named = { ...base, file_name: file.name, mime_type: typeOf(file.name) };
  const own = kind === 'photo' ? imageSize(telegram.files.bytes(file)) : null;
  const width = own?.width ?? integer(values, 'width') ?? 1280;
  const height = own?.height ?? integer(values, 'height') ?? 720;
  const duration = integer(values, 'duration') ?? 10;
  const hidden = flag(values, 'has_spoiler') ? { has_media_spoiler: true } : {};
  switch (kind) {
    case 'photo':
      return { photo: [{ ...base, width, height }], ...hidden };
    case 'video':
      return { video: { ...named, width, height, duration }, ...hidden };
    case 'animation':
      // A client that knows no animations shows a document.
      return { animation: { ...named, width, height, duration }, document: named, ...hidden };
    case 'audio':
      return { audio: { ...named, duration } };
    case 'voice':
      return { voice: { ...base, mime_type: 'audio/ogg', duration } };
    default:
      return { document: named };
  }
}
