import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { OfferAt, WireButton, WireMessage, WireOffer, WireOpened, WireUser } from '../wire.ts';
import { ClubSheet } from './club.tsx';
import { Rich } from './entities.tsx';
import { Icon, Spinner, WithStars } from './icons.tsx';
import { isMedia, isVisual, Media } from './media.tsx';
import { PaySheet } from './pay.tsx';
import { act, page } from './store.ts';
import { clock, price, words } from './words.ts';

/** Messages that stand in one bubble: one, or those of an album. */
export interface Bubble {
  readonly messages: readonly WireMessage[];
  /** The last of its side's row: the one with the tail. */
  readonly isLast: boolean;
}

export function MessageBubble({ bubble, user }: { bubble: Bubble; user: WireUser }) {
  const { messages, isLast } = bubble;
  const [first] = messages;
  const captioned = messages.find(({ text }) => text !== '') ?? first;
  const last = messages.at(-1);
  if (first === undefined || captioned === undefined || last === undefined) return null;
  const { content, isOut } = first;
  if (content.kind === 'paid' || content.kind === 'refunded') {
    const text = words.value.service[content.kind](
      price(content.amount, content.currency),
      page.value?.bot.name ?? '',
    );
    return (
      <p class="service">
        <WithStars text={text} />
      </p>
    );
  }
  const hasMedia = messages.some((message) => isMedia(message.content));
  const isSticker = content.kind === 'sticker';
  const isBare = hasMedia && captioned.text === '' && messages.every(isVisual);
  const onCommand = (text: string) => void act({ do: 'say', chat: user.id, text });
  const classes = [
    'bubble',
    isOut ? 'out' : 'in',
    isSticker ? 'stuck' : '',
    isLast && !isBare && !isSticker ? 'tailed' : '',
    hasMedia && messages.every(isVisual) ? 'with-media' : '',
    isBare ? 'bare' : '',
  ];
  return (
    <article class={`message ${isOut ? 'out' : 'in'}`} data-message={first.id}>
      <div class={classes.filter(Boolean).join(' ')}>
        <Media messages={messages} />
        {content.kind === 'invoice' && <Invoice {...content} />}
        {content.kind === 'other' && <p class="missing-file">{otherName(content.name)}</p>}
        {captioned.text !== '' && content.kind !== 'invoice' && (
          <div class="text">
            <Rich text={captioned.text} entities={captioned.entities} onCommand={onCommand} />
            <Meta message={last} isFloating />
          </div>
        )}
        {(captioned.text === '' || content.kind === 'invoice') && <Meta message={last} />}
        {isLast && !isBare && !isSticker && <Tail />}
      </div>
      <Keyboard message={last} user={user} />
    </article>
  );
}

const otherName = (name: string): ComponentChildren =>
  name === 'location' ? (
    <>
      <Icon name="place" /> {words.value.attachments.location}
    </>
  ) : (
    <>
      <Icon name="clip" /> {name.replaceAll('_', ' ')}
    </>
  );

const Tail = () => (
  <svg class="tail" width="10" height="17" viewBox="0 0 10 17" aria-hidden="true">
    <path d="M10 0c-.2 6.5-3 11.5-9.2 14.8C-.1 15.4.2 17 1.5 17H10z" />
  </svg>
);

function Meta({ message, isFloating = false }: { message: WireMessage; isFloating?: boolean }) {
  return (
    <span class={isFloating ? 'meta floating' : 'meta'}>
      {message.isEdited && <span>{words.value.edited} </span>}
      <time dateTime={new Date(message.at).toISOString()}>{clock(message.at)}</time>
      {message.isOut && (
        <svg class="ticks" width="17" height="10" viewBox="0 0 17 10" aria-hidden="true">
          <path d="M1 5.5 4.5 9 11 1.2M7.5 8.6l.5.4L15.5 1.2" />
        </svg>
      )}
    </span>
  );
}

function Invoice(invoice: { title: string; description: string; currency: string; amount: number }) {
  return (
    <div class="invoice">
      <strong class="invoice-title">{invoice.title}</strong>
      <p>{invoice.description}</p>
      <span class="invoice-price">
        <WithStars text={price(invoice.amount, invoice.currency)} />
      </span>
    </div>
  );
}

/** What a pressed button has opened over the page. */
type Sheet =
  | { readonly kind: 'pay'; readonly offer: WireOffer; readonly at: OfferAt }
  | { readonly kind: 'club'; readonly club: Extract<WireOpened, { kind: 'club' }>; readonly url: string };

function Keyboard({ message, user }: { message: WireMessage; user: WireUser }) {
  const [sheet, show] = useState<Sheet | null>(null);
  if (message.buttons.length === 0 && sheet === null) return null;
  const close = () => show(null);
  return (
    <div class="keyboard">
      {message.buttons.map((row) => (
        <div class="row" key={row.map(({ label }) => label).join('\n')}>
          {row.map((button) => (
            <KeyboardButton key={button.label} button={button} message={message} onOpen={show} />
          ))}
        </div>
      ))}
      {sheet?.kind === 'pay' && <PaySheet user={user} offer={sheet.offer} at={sheet.at} onClose={close} />}
      {sheet?.kind === 'club' && <ClubSheet user={user} club={sheet.club} url={sheet.url} onClose={close} />}
    </div>
  );
}

function KeyboardButton({
  button,
  message,
  onOpen,
}: {
  button: WireButton;
  message: WireMessage;
  onOpen: (sheet: Sheet) => void;
}) {
  const { data, url } = button;
  const invoice = message.content.kind === 'invoice' ? message.content : undefined;
  if (button.kind === 'url' && url !== undefined && /^https?:/i.test(url)) {
    return (
      <a class="key" href={url} target="_blank" rel="noopener noreferrer">
        {button.label}
        <Icon name="link" size={12} />
      </a>
    );
  }
  const isWaiting =
    page.value?.presses.some((press) => press.message === message.id && press.data === data) === true;
  const press = () => {
    if (button.kind === 'pay') {
      if (invoice !== undefined) onOpen({ kind: 'pay', offer: invoice, at: { message: message.id } });
    } else if (button.kind === 'telegram' && url !== undefined) void open(message.chat, url, onOpen);
    else if (data !== undefined && !isWaiting)
      void act({ do: 'press', chat: message.chat, message: message.id, data });
  };
  const label =
    button.kind === 'pay' && invoice !== undefined && button.label === ''
      ? words.value.pay(price(invoice.amount, invoice.currency))
      : button.label;
  return (
    <button type="button" class="key" aria-busy={isWaiting} onClick={press}>
      <WithStars text={label} />
      {button.kind === 'telegram' && <Icon name="link" size={12} />}
      {isWaiting && <Spinner />}
    </button>
  );
}

/** Asks where an address of Telegram leads; one that leads nowhere is told as an error. */
async function open(chat: number, url: string, onOpen: (sheet: Sheet) => void): Promise<void> {
  const reply = await act({ do: 'open', chat, url });
  if (!reply.ok || reply.opened === undefined) return;
  const { opened } = reply;
  onOpen(
    opened.kind === 'club'
      ? { kind: 'club', club: opened, url }
      : { kind: 'pay', offer: opened.offer, at: { link: url } },
  );
}
