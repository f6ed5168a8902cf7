import { insiders } from '../world/club.ts';
import type { SandboxMessage } from '../world/message.ts';
import type { Offer } from '../world/offer.ts';
import type { World } from '../world/world.ts';

/** What is paid: by default the newest offer in the chat, be it an invoice or a link on a button. */
export interface OfferSource {
  /** The address of createInvoiceLink. */
  readonly link?: string;
  /** The id of a message with an invoice, or with such a link on a button. */
  readonly message?: number;
}

/** What an address of Telegram leads to; `way` is how the person could come in. */
export type Opened =
  | { readonly kind: 'offer'; readonly offer: Offer }
  | {
      readonly kind: 'club';
      readonly title: string;
      readonly members: number;
      readonly way: 'join' | 'request' | 'inside';
    };

/** The newest offer of a chat that fits; undefined when there is none. */
export function findOffer(
  { payments }: World,
  messages: readonly SandboxMessage[],
  { link, message }: OfferSource,
): Offer | undefined {
  if (link !== undefined) return payments.offerOf(link);
  const sources = messages.filter(({ id }) => message === undefined || id === message);
  for (const source of sources.reverse()) {
    const offer = payments.offerOf(source);
    if (offer !== undefined) return offer;
  }
  return undefined;
}

/** Where an address leads a person. @throws Error with the reason why it leads nowhere */
export function openAddress(
  { payments, membership, telegram }: World,
  user: number,
  address: string,
): Opened {
  const offer = payments.offerOf(address);
  if (offer !== undefined) return { kind: 'offer', offer };
  const { club, way } = membership.door(user, address);
  return { kind: 'club', title: club.title, members: insiders(club, telegram.seconds()).length, way };
}
