import { createHmac, timingSafeEqual } from 'node:crypto';

/** Signs the payloads of invoices, so that one which another program sold with the same token opens nothing. */
export interface Signer {
  /** The payload with its signature behind it: 17 characters more. */
  sign(payload: string): string;
  /** Whether this bot signed it. */
  isSigned(payload: string): boolean;
}

const length = 16;

/** @param token the bot's: whoever has it could send invoices in the bot's name anyway */
export function createSigner(token: string): Signer {
  const key = createHmac('sha256', token).update('invoice').digest();
  const signatureOf = (payload: string) =>
    createHmac('sha256', key).update(payload).digest('hex').slice(0, length);
  return {
    sign: (payload) => `${payload}:${signatureOf(payload)}`,
    isSigned: (payload) => {
      const split = payload.lastIndexOf(':');
      const found = Buffer.from(payload.slice(split + 1));
      return (
        split > 0 &&
        found.length === length &&
        timingSafeEqual(found, Buffer.from(signatureOf(payload.slice(0, split))))
      );
    },
  };
}
