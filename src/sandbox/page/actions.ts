import type { SandboxClub } from '../people/clubs.ts';
import type { SandboxUser } from '../people/user.ts';
import { lastCharge } from './view.ts';
import type { Outcome, PersonAction, WireOpened } from './wire.ts';

/**
 * Does what a person asked for in their chat.
 * @throws Error with a reason that is shown to them
 */
export async function performAs(
  user: SandboxUser,
  action: PersonAction,
  club: SandboxClub | undefined,
): Promise<Outcome> {
  switch (action.do) {
    case 'say':
      user.says(String(action.text));
      return {};
    case 'attach':
      user.sends(action.kind);
      return {};
    case 'press':
      user.pressesOn(action.message, action.data);
      return {};
    case 'pay': {
      const answer = await user.checkout(action.offer);
      if (!answer.ok) throw new Error(answer.error ?? 'The bot refused the payment.');
      await user.paysAgain(action.offer);
      return {};
    }
    case 'payTwice':
      await user.paysAgain();
      return {};
    case 'payUnheard':
      await user.pays({ loseUpdate: true });
      return {};
    case 'refund': {
      const charge = lastCharge(user);
      if (charge === undefined) throw new Error('There is no payment to give back.');
      user.refunds(charge);
      return {};
    }
    case 'unsubscribe':
      user.cancelsSubscription();
      return {};
    case 'resubscribe':
      user.resumesSubscription();
      return {};
    case 'open':
      return { opened: opened(user, String(action.url)) };
    case 'enter':
      return { entered: user.joins(action.url ?? existing(club)) };
    case 'leave':
      user.leaves(existing(club));
      return {};
    case 'addToClub':
      existing(club).adds(user);
      return {};
    case 'ban':
      existing(club).bans(user);
      return {};
    case 'unban':
      existing(club).unbans(user);
      return {};
    case 'block':
      user.blocks();
      return {};
    case 'unblock':
      user.unblocks();
      return {};
    case 'speak':
      user.speaks(String(action.language));
      return {};
    default:
      throw unknownAction(action);
  }
}

export const unknownAction = (action: unknown) =>
  new Error(`Expected an action of the page, found ${JSON.stringify(action)}.`);

function existing(club: SandboxClub | undefined): SandboxClub {
  if (club === undefined) throw new Error('There is no club.');
  return club;
}

function opened(user: SandboxUser, url: string): WireOpened {
  const destination = user.opens(url);
  if (destination.kind === 'club') return destination;
  const { title, description, currency, amount, period } = destination.offer;
  const offer = { title, description, currency, amount, isMonthly: period !== undefined };
  return { kind: 'offer', offer };
}
