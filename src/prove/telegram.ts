import type { StarTransaction, Update } from 'grammy/types';

/** What one payment buys, as Telegram and the invoice tell it. */
export type Kind = 'days' | 'month' | 'forever' | 'foreign';

export interface Invoice {
  readonly payload: string;
  readonly kind: Kind;
  readonly days: number;
}

/** A payment as it really was, whatever the bot knows of it. */
export interface Paid extends Invoice {
  readonly charge: string;
  /** ms, in whole seconds. */
  readonly at: number;
  /** End of the month that was paid, ms. */
  readonly until?: number;
  /** The first charge of its subscription. */
  readonly first?: string;
  /** How the bot came to know of it; absent: not yet. */
  readonly known?: 'update' | 'list';
  /** When the money went back, ms. */
  readonly refunded?: number;
  /** The bot knows that it went back. */
  readonly refundKnown?: true;
  /** What it buys was there already: a payment of the same invoice, a subscription that goes on, or access for ever. */
  readonly extra?: 'double' | 'beside';
  /** When it came, the bot knew of all others, so it could tell that it was too many. */
  readonly clear?: true;
  /** An operator has asked for its refund, or has dropped it. */
  readonly asked?: 'owe' | 'keep';
  /** The bot has tried to give it back, and its person knows. */
  readonly promised?: true;
  /** When an operator counted it as time, ms. */
  readonly counted?: number;
  /** The bot's settings said that payments too many stay, when it came. */
  readonly keeps?: true;
  /** The operator was told of it. */
  readonly told?: true;
}

export interface Subscription {
  /** The charge of its first payment. */
  readonly first: string;
  readonly payload: string;
  /** ms. */
  readonly until: number;
  /** `off`: the bot has called it off; `failed`: the next month could not be paid; `ended`: its time is over. */
  readonly state: 'active' | 'canceled' | 'off' | 'failed' | 'ended';
}

/** What an operator did to somebody's access, or the person by /forget. */
export interface Deed {
  readonly kind: 'grant' | 'revoke' | 'block' | 'unblock';
  /** ms. */
  readonly at: number;
  /** Days that were granted, below 0 taken back; absent: for ever. */
  readonly days?: number;
}

/** One person, as Telegram and the world outside know them. */
export interface Person {
  readonly id: number;
  readonly name: string;
  /** They have blocked the bot. */
  readonly away?: true;
  readonly invoices: readonly Invoice[];
  readonly payments: readonly Paid[];
  readonly subscriptions: readonly Subscription[];
  readonly deeds: readonly Deed[];
  readonly place: 'out' | 'in' | 'banned';
  /** Who banned them. */
  readonly bannedBy?: 'bot' | 'admin';
  /** The last link to the club that the bot sent them. */
  readonly link?: string;
  /** Updates about them that Telegram has not delivered yet. */
  readonly late: readonly Update[];
  /** The operator was told of trouble with their place in the club. */
  readonly told?: true;
}

export interface Link {
  readonly name: string;
  /** It asks to join; without it the person enters at once. */
  readonly asks: boolean;
  readonly limit: number;
  readonly users: readonly number[];
  readonly revoked: boolean;
}

/** How Telegram answers calls that move money or members. */
export type Mood = 'takes' | 'refuses' | 'slow' | 'twice';

/** Telegram has refused a call for good. */
export class Refusal extends Error {
  override name = 'Refusal';
  readonly error_code: number;
  constructor(code: number, description: string) {
    super(description);
    this.error_code = code;
  }
}

/** A sentence that does not hold. */
export class Violation extends Error {
  override name = 'Violation';
  readonly sentence: string;
  constructor(sentence: string, what: string) {
    super(what);
    this.sentence = sentence;
  }
}

export const month = 30 * 86_400_000;
export const clubId = -1_001_000_000_001;

const seconds = (ms: number): number => Math.floor(ms / 1_000);

/** Telegram as far as money and the door are concerned. Everything in it is replaced, never changed, so a copy is cheap. */
export class Telegram {
  now: number;
  people: readonly Person[];
  links: readonly Link[] = [];
  transactions: readonly StarTransaction[] = [];
  mood: Mood = 'takes';
  /** It answers calls that were on their way for long. */
  isCatchingUp = false;
  /** Numbers that name updates, charges and links. */
  next = 1;
  /** Updates on their way to the bot. */
  outgoing: Update[] = [];
  /** What the bot answered to the last checkout query. */
  approved = false;

  constructor(now: number, people: readonly Person[]) {
    this.now = now;
    this.people = people;
  }

  /** A copy that goes its own way. */
  copyTo(other: Telegram): void {
    other.now = this.now;
    other.people = this.people;
    other.links = this.links;
    other.transactions = this.transactions;
    other.mood = this.mood;
    other.next = this.next;
    other.outgoing = [...this.outgoing];
  }

  person(id: number): Person {
    const found = this.people.find((one) => one.id === id);
    if (found === undefined) throw new Refusal(400, 'Bad Request: user not found');
    return found;
  }

  change(id: number, part: Partial<Person>): void {
    this.people = this.people.map((one) => (one.id === id ? { ...one, ...part } : one));
  }

  changePaid(id: number, charge: string, part: Partial<Paid>): void {
    const { payments } = this.person(id);
    this.change(id, { payments: payments.map((one) => (one.charge === charge ? { ...one, ...part } : one)) });
  }

  changeSubscription(id: number, first: string, part: Partial<Subscription>): void {
    const { subscriptions } = this.person(id);
    this.change(id, {
      subscriptions: subscriptions.map((one) => (one.first === first ? { ...one, ...part } : one)),
    });
  }

  /** @param when `lost` for ever, or `late`: delivered when it is asked for */
  tell(id: number, body: object, when: 'now' | 'late' | 'lost' = 'now'): void {
    if (when === 'lost') return;
    const update = { update_id: this.next++, ...body } as Update;
    if (when === 'now') this.outgoing.push(update);
    else this.change(id, { late: [...this.person(id).late, update] });
  }

  userOf = (id: number) => ({ id, is_bot: false as const, first_name: this.person(id).name });

  #message(id: number, content: object): object {
    const chat = { id, type: 'private', first_name: this.person(id).name };
    return { message: { message_id: 0, date: seconds(this.now), chat, from: this.userOf(id), ...content } };
  }

  says = (id: number, text: string): void => this.tell(id, this.#message(id, { text }));

  presses(id: number, data: string): void {
    const chat = { id, type: 'private', first_name: this.person(id).name };
    const message = { message_id: 0, date: seconds(this.now), chat };
    this.tell(id, {
      callback_query: { id: `q${this.next}`, from: this.userOf(id), chat_instance: '', data, message },
    });
  }

  checksOut(id: number, { payload }: Invoice, amount: number): void {
    this.approved = false;
    const query = { id: `q${this.next}`, from: this.userOf(id), currency: 'XTR', total_amount: amount };
    this.tell(id, { pre_checkout_query: { ...query, invoice_payload: payload } });
  }

  /** Money comes in: a charge, a line in the list, a message to the bot. */
  takes(
    id: number,
    invoice: Invoice,
    amount: number,
    {
      when = 'now',
      first,
      ...how
    }: { when?: 'now' | 'late' | 'lost'; first?: string } & Pick<Paid, 'extra' | 'keeps' | 'clear'> = {},
  ): void {
    const person = this.person(id);
    const charge = `ch${this.next++}`;
    const { payload, kind } = invoice;
    const at = seconds(this.now) * 1_000;
    const isMonth = kind === 'month';
    const begun = person.subscriptions.find((one) => one.first === first);
    const until = (begun === undefined ? at : begun.until) + month;
    const paid: Paid = {
      ...invoice,
      charge,
      at,
      ...(isMonth && { until, first: first ?? charge }),
      ...how,
    };
    this.change(id, { payments: [...person.payments, paid] });
    if (isMonth && begun === undefined)
      this.change(id, {
        subscriptions: [...person.subscriptions, { first: charge, payload, until, state: 'active' }],
      });
    else if (isMonth && first !== undefined) this.changeSubscription(id, first, { until });
    this.#list(charge, id, payload, amount, isMonth, 'source');
    const content = {
      currency: 'XTR',
      total_amount: amount,
      invoice_payload: payload,
      telegram_payment_charge_id: charge,
      provider_payment_charge_id: '',
      ...(isMonth && {
        subscription_expiration_date: seconds(until),
        is_recurring: true,
        ...(begun === undefined && { is_first_recurring: true }),
      }),
    };
    this.tell(id, this.#message(id, { successful_payment: content }), when);
  }

  #list(charge: string, id: number, payload: string, amount: number, isMonth: boolean, side: string): void {
    const partner = {
      type: 'user',
      transaction_type: 'invoice_payment',
      user: this.userOf(id),
      invoice_payload: payload,
      ...(isMonth && { subscription_period: month / 1_000 }),
    };
    const line = { id: charge, amount, date: seconds(this.now), [side]: partner };
    this.transactions = [...this.transactions, line as unknown as StarTransaction];
  }

  /** The money of a charge goes back; the bot hears of it by a message. */
  givesBack(id: number, charge: string, amount: number, when: 'now' | 'lost' = 'now'): void {
    const paid = this.person(id).payments.find((one) => one.charge === charge);
    if (paid === undefined) throw new Refusal(400, 'Bad Request: CHARGE_ID_INVALID');
    if (paid.refunded !== undefined) throw new Refusal(400, 'Bad Request: CHARGE_ALREADY_REFUNDED');
    this.changePaid(id, charge, { refunded: seconds(this.now) * 1_000 });
    this.#list(charge, id, paid.payload, amount, paid.kind === 'month', 'receiver');
    const refunded = { currency: 'XTR', total_amount: amount, invoice_payload: paid.payload };
    const content = { refunded_payment: { ...refunded, telegram_payment_charge_id: charge } };
    this.tell(id, this.#message(id, content), when);
  }

  tellsOfSubscription(id: number, payload: string, state: 'active' | 'canceled' | 'failed'): void {
    this.tell(id, { subscription: { user: this.userOf(id), invoice_payload: payload, state } });
  }

  /** A person uses a link. */
  follows(id: number, name: string): void {
    const link = this.links.find((one) => one.name === name);
    const person = this.person(id);
    if (link === undefined || link.revoked || person.place !== 'out') return;
    if (link.asks) {
      const request = { chat: { id: clubId, type: 'supergroup', title: 'Club' }, from: this.userOf(id) };
      this.tell(id, {
        chat_join_request: {
          ...request,
          user_chat_id: id,
          date: seconds(this.now),
          invite_link: linkOf(link),
        },
      });
      return;
    }
    const inside = link.users.filter((user) => this.person(user).place === 'in');
    if (link.limit > 0 && inside.length >= link.limit) return;
    this.links = this.links.map((one) => (one === link ? { ...one, users: [...one.users, id] } : one));
    this.moves(id, 'in', id, link);
  }

  /** Somebody enters, leaves, is banned or let back; the bot, as an administrator, is told. */
  moves(id: number, place: Person['place'], by: number | 'bot' | 'admin', link?: Link): void {
    const { place: before } = this.person(id);
    if (before === place) return;
    const { bannedBy: _, told: __, ...person } = this.person(id);
    const banned =
      place === 'banned' ? { bannedBy: by === 'bot' ? ('bot' as const) : ('admin' as const) } : {};
    this.people = this.people.map((one) => (one.id === id ? { ...person, ...banned, place } : one));
    const user = this.userOf(id);
    const status = { in: 'member', out: 'left', banned: 'kicked' } as const;
    const from =
      typeof by === 'number'
        ? this.userOf(by)
        : { id: by === 'bot' ? botId : adminId, is_bot: by === 'bot', first_name: by };
    this.tell(id, {
      chat_member: {
        chat: { id: clubId, type: 'supergroup', title: 'Club' },
        from,
        date: seconds(this.now),
        old_chat_member: { user, status: status[before] },
        new_chat_member: { user, status: status[place], ...(place === 'banned' && { until_date: 0 }) },
        ...(link !== undefined && { invite_link: linkOf(link) }),
      },
    });
  }

  #memberOf(id: number): object {
    if (id === botId) {
      const user = { id, is_bot: true, first_name: 'bot' };
      const rights = this.mood !== 'refuses';
      return { user, status: 'administrator', can_invite_users: rights, can_restrict_members: rights };
    }
    const { place, bannedBy } = this.person(id);
    const user = this.userOf(id);
    if (place !== 'banned') return { user, status: place === 'in' ? 'member' : 'left' };
    // The bot bans for some minutes, others for ever.
    return { user, status: 'kicked', until_date: bannedBy === 'bot' ? seconds(this.now) + 300 : 0 };
  }

  /** A call of the Bot API. @throws Refusal */
  call(method: string, payload: Readonly<Record<string, unknown>>): unknown {
    const user = Number(payload['user_id'] ?? 0);
    const refusal = this.mood === 'refuses' ? refusals[method] : undefined;
    if (refusal !== undefined) throw new Refusal(400, `Bad Request: ${refusal}`);
    switch (method) {
      case 'createChatInviteLink': {
        const link: Link = {
          name: `https://t.me/+L${this.next++}`,
          asks: payload['creates_join_request'] === true,
          limit: Number(payload['member_limit'] ?? 0),
          users: [],
          revoked: false,
        };
        this.links = [...this.links, link];
        return linkOf(link);
      }
      case 'revokeChatInviteLink':
        this.links = this.links.filter(({ name }) => name !== payload['invite_link']);
        return true;
      case 'banChatMember':
        this.moves(user, 'banned', 'bot');
        return true;
      case 'unbanChatMember':
        if (this.person(user).place === 'banned') this.moves(user, 'out', 'bot');
        return true;
      case 'getChatMember':
        return this.#memberOf(user);
      case 'getChat':
        return { id: clubId, type: 'supergroup', title: 'Club' };
      case 'approveChatJoinRequest':
        if (this.person(user).place === 'out') this.moves(user, 'in', 'bot');
        return true;
      case 'answerChatJoinRequestQuery':
      case 'declineChatJoinRequest':
        return true;
      case 'editUserStarSubscription': {
        const first = String(payload['telegram_payment_charge_id']);
        const found = this.person(user).subscriptions.find((one) => one.first === first);
        if (found === undefined) throw new Refusal(400, 'Bad Request: CHARGE_ID_INVALID');
        if (found.state === 'ended' || found.state === 'failed')
          throw new Refusal(400, 'Bad Request: SUBSCRIPTION_NOT_ACTIVE');
        if (payload['is_canceled'] === true) this.changeSubscription(user, first, { state: 'off' });
        return true;
      }
      case 'getStarTransactions': {
        const from = Number(payload['offset'] ?? 0);
        return { transactions: this.transactions.slice(from, from + Number(payload['limit'] ?? 100)) };
      }
      default:
        return true;
    }
  }
}

/** User ids of nobody in the story: an administrator of the club, the bot, the bot's operator. */
export const adminId = 901;
export const botId = 1;
export const operatorId = 900;

/** What Telegram says when it refuses. */
const refusals: Readonly<Record<string, string>> = {
  createChatInviteLink: 'not enough rights to manage chat invite link',
  banChatMember: 'USER_ADMIN_INVALID',
  unbanChatMember: 'USER_ADMIN_INVALID',
  editUserStarSubscription: 'SUBSCRIPTION_INVALID',
  refundStarPayment: 'BALANCE_TOO_LOW',
};

const linkOf = ({ name, asks, limit }: Link) => ({
  invite_link: name,
  creator: { id: botId, is_bot: true, first_name: 'bot' },
  creates_join_request: asks,
  is_primary: false,
  is_revoked: false,
  ...(limit > 0 && { member_limit: limit }),
});
