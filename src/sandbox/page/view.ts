import type { SandboxUser } from '../people/user.ts';
import type { SandboxMessage } from '../world/message.ts';
import type { MediaKind, WireButton, WireContent, WireFile, WireMessage, WireStep } from './wire.ts';

type Json = Record<string, unknown>;

const mediaKinds: readonly MediaKind[] = [
  'photo',
  'video',
  'animation',
  'audio',
  'voice',
  'sticker',
  'document',
];
/** Fields of a Message that are not its content. */
const envelope = new Set([
  'message_id',
  'from',
  'chat',
  'date',
  'edit_date',
  'reply_markup',
  'has_protected_content',
  'link_preview_options',
]);

/** A message as the page shows it. */
export function viewMessage({ id, chat, from, date, raw, media }: SandboxMessage): WireMessage {
  const entities = (raw['entities'] ?? raw['caption_entities'] ?? []) as WireMessage['entities'];
  const album = raw['media_group_id'];
  return {
    id,
    chat,
    isOut: from === 'user',
    at: date * 1_000,
    isEdited: raw['edit_date'] !== undefined,
    text: String(raw['text'] ?? raw['caption'] ?? ''),
    entities,
    content: viewContent(raw, media?.[0]),
    isSpoiler: raw['has_media_spoiler'] === true,
    ...(typeof album === 'string' && { album }),
    buttons: viewButtons(raw),
  };
}

function viewContent(raw: Json, file: NonNullable<SandboxMessage['media']>[number] | undefined): WireContent {
  const kind = mediaKinds.find((name) => name in raw);
  if (kind !== undefined) {
    const described = raw[kind];
    const shape = (Array.isArray(described) ? described.at(-1) : described) as Json;
    return { kind, ...(file !== undefined && { file: viewFile(file, shape) }) };
  }
  if ('text' in raw) return { kind: 'text' };
  const invoice = raw['invoice'] as Json | undefined;
  if (invoice !== undefined) {
    const { title, description } = invoice;
    return { kind: 'invoice', title: String(title), description: String(description), ...moneyOf(invoice) };
  }
  for (const [name, shown] of [
    ['successful_payment', 'paid'],
    ['refunded_payment', 'refunded'],
  ] as const) {
    if (name in raw) return { kind: shown, ...moneyOf(raw[name] as Json) };
  }
  return { kind: 'other', name: Object.keys(raw).find((name) => !envelope.has(name)) ?? 'message' };
}

const moneyOf = (money: Json) => ({
  currency: String(money['currency']),
  amount: Number(money['total_amount']),
});

function viewFile(
  { fileId, fileName, size }: { fileId: string; fileName: string; size: number },
  shape: Json,
): WireFile {
  const numbers = ['width', 'height', 'duration'].flatMap((name) =>
    typeof shape[name] === 'number' ? [[name, shape[name]]] : [],
  );
  return {
    url: `/page/files/${encodeURIComponent(fileId)}`,
    name: fileName,
    size,
    ...(Object.fromEntries(numbers) as Pick<WireFile, 'width' | 'height' | 'duration'>),
  };
}

function viewButtons(raw: Json): WireButton[][] {
  const markup = raw['reply_markup'] as { inline_keyboard?: Json[][] } | undefined;
  const rows = (markup?.inline_keyboard ?? []).map((row) => row.map(viewButton));
  // Telegram puts a pay button of its own under an invoice that came without one.
  return rows.length === 0 && 'invoice' in raw ? [[{ label: '', kind: 'pay' }]] : rows;
}

function viewButton({ text, callback_data: data, url, pay }: Json): WireButton {
  const label = String(text);
  if (typeof data === 'string') return { label, kind: 'callback', data };
  if (typeof url === 'string')
    return { label, kind: /^https:\/\/t\.me\/[+$]/.test(url) ? 'telegram' : 'url', url };
  return { label, kind: pay === true ? 'pay' : 'other' };
}

/** What everybody begins with. */
const firstStars = 1_000;

/** Stars that a person has left after what their chat shows as paid and returned. */
export function starsOf({ messages }: SandboxUser): number {
  return messages.reduce((stars, { raw }) => {
    const content = viewContent(raw, undefined);
    if (content.kind !== 'paid' && content.kind !== 'refunded') return stars;
    if (content.currency !== 'XTR') return stars;
    return content.kind === 'paid' ? stars - content.amount : stars + content.amount;
  }, firstStars);
}

/** The charge of the last payment that was not given back. */
export function lastCharge({ messages }: SandboxUser): string | undefined {
  const charges = (name: string) =>
    messages.flatMap(({ raw }) => {
      const payment = raw[name] as Json | undefined;
      return payment === undefined ? [] : [String(payment['telegram_payment_charge_id'])];
    });
  const returned = new Set(charges('refunded_payment'));
  return charges('successful_payment').findLast((charge) => !returned.has(charge));
}

/** The step that a line of the bot's log tells of; null for any other line. */
export function stepOf(line: Json, id: number, at: number): WireStep | null {
  const { chat, machine, event, from, to, ms, effects } = line;
  if (typeof chat !== 'number' || typeof event !== 'string' || !('from' in line)) return null;
  return {
    kind: 'step',
    id,
    at,
    chat,
    machine: String(machine),
    event,
    from: typeof from === 'string' ? from : null,
    to: typeof to === 'string' ? to : null,
    effects: Array.isArray(effects) ? effects.map(String) : [],
    took: Number(ms ?? 0),
  };
}
