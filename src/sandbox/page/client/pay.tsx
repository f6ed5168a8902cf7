import { useState } from 'preact/hooks';
import type { OfferAt, WireOffer, WireUser } from '../wire.ts';
import { Dialog } from './dialog.tsx';
import { Icon, Spinner, Star, WithStars } from './icons.tsx';
import { act, page } from './store.ts';
import { price, words } from './words.ts';

/** The sheet that Telegram opens over an invoice or its link: balance, price, confirmation, and what came of it. */
export function PaySheet({
  user,
  offer,
  at,
  onClose,
}: {
  user: WireUser;
  offer: WireOffer;
  at: OfferAt;
  onClose: () => void;
}) {
  const [stage, go] = useState<'asked' | 'paying' | 'paid' | { error: string }>('asked');
  const w = words.value;
  const cost = price(offer.amount, offer.currency);
  const isStars = offer.currency === 'XTR';
  const isShort = isStars && user.stars < offer.amount;
  const botName = page.value?.bot.name ?? '';
  const amount = isStars ? w.stars(offer.amount) : cost;
  const isMonthly = offer.isMonthly === true;
  const sentence = w.checkoutFor(offer.title, botName, isMonthly ? w.eachMonth(amount) : amount);
  const pay = async () => {
    go('paying');
    const reply = await act({ do: 'pay', chat: user.id, offer: at });
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
          <WithStars text={isMonthly ? w.subscribe(cost) : w.confirm(cost)} />
        )}
      </button>
    </Dialog>
  );
}
