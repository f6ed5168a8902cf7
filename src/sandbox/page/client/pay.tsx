import { useState } from 'preact/hooks';
import type { WireMessage, WireUser } from '../wire.ts';
import { Dialog } from './dialog.tsx';
import { Icon, Spinner, Star, WithStars } from './icons.tsx';
import { act, page } from './store.ts';
import { price, words } from './words.ts';

/** The sheet that Telegram opens over an invoice: balance, price, confirmation, and what came of it. */
export function PaySheet({
  user,
  message,
  onClose,
}: {
  user: WireUser;
  message: WireMessage;
  onClose: () => void;
}) {
  const [stage, go] = useState<'asked' | 'paying' | 'paid' | { error: string }>('asked');
  const w = words.value;
  const invoice = message.content;
  if (invoice.kind !== 'invoice') return null;
  const cost = price(invoice.amount, invoice.currency);
  const isStars = invoice.currency === 'XTR';
  const isShort = isStars && user.stars < invoice.amount;
  const botName = page.value?.bot.name ?? '';
  const sentence = w.checkoutFor(invoice.title, botName, isStars ? w.stars(invoice.amount) : cost);
  const pay = async () => {
    go('paying');
    const reply = await act({ do: 'pay', chat: user.id, message: message.id });
    go(reply.ok ? 'paid' : { error: reply.error });
  };
  if (stage === 'paid') {
    return (
      <Dialog label={w.paidTitle} kind="sheet" onClose={onClose}>
        <div class="pay-mark done">
          <Icon name="check" size={44} />
        </div>
        <h2>{w.paidTitle}</h2>
        <p>
          <WithStars text={w.paidText(cost)} />
        </p>
        <button type="button" class="primary" onClick={onClose}>
          {w.done}
        </button>
      </Dialog>
    );
  }
  return (
    <Dialog label={w.checkout} kind="sheet" onClose={onClose}>
      <div class="pay-top">
        <button type="button" class="round" aria-label={w.close} onClick={onClose}>
          <Icon name="close" />
        </button>
        {isStars && (
          <span class="balance">
            {w.balance}
            <strong>
              {user.stars} <Star size={15} />
            </strong>
          </span>
        )}
      </div>
      <div class="pay-mark" aria-hidden="true">
        <Star size={64} />
      </div>
      <h2>{w.checkout}</h2>
      <p>
        {sentence.before}
        <strong>{sentence.title}</strong>
        {sentence.middle}
        <strong>{sentence.bot}</strong>
        {sentence.for}
        <strong>{sentence.price}</strong>?
      </p>
      {typeof stage === 'object' && (
        <p class="error" role="alert">
          {stage.error}
        </p>
      )}
      <button type="button" class="primary" disabled={isShort || stage === 'paying'} onClick={pay}>
        {stage === 'paying' ? (
          <>
            <Spinner /> {w.paying}
          </>
        ) : isShort ? (
          w.notEnough
        ) : (
          <WithStars text={w.confirm(cost)} />
        )}
      </button>
    </Dialog>
  );
}
