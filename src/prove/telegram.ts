import type { StarTransaction, Update } from 'grammy/types';
import { type Invoice, month, type Paid, type Person, type Subscription } from './people.ts';

export interface Link {
  readonly name: string;
  /** It asks to join; without it the person enters at once. */
  readonly asks: boolean;
  readonly limit: number;
  readonly users: readonly number[];
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

/** User ids of nobody in the story: an administrator of the club, the bot, the bot's operator. */
export const adminId = 901;
export const botId = 1;
export const operatorId = 900;
/** So much time passes with each action: longer than the bot waits before it answers the same again, ms. */
export const pace = 61_000;
/** Stars that everything costs. */
export const price = 250;
export const clubId = -1_001_000_000_001;

export const seconds = (ms: number): number => Math.floor(ms / 1_000);

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
  givesBack(id: number, charge: string, amount: number): void {
    const paid = this.person(id).payments.find((one) => one.charge === charge);
    if (paid === undefined) throw new Refusal(400, 'Bad Request: CHARGE_ID_INVALID');
    if (paid.refunded !== undefined) throw new Refusal(400, 'Bad Request: CHARGE_ALREADY_REFUNDED');
    this.changePaid(id, charge, { refunded: seconds(this.now) * 1_000 });
    this.#list(charge, id, paid.payload, amount, paid.kind === 'month', 'receiver');
    const refunded = { currency: 'XTR', total_amount: amount, invoice_payload: paid.payload };
    const content = { refunded_payment: { ...refunded, telegram_payment_charge_id: charge } };
    this.tell(id, this.#message(id, content));
  }

  tellsOfSubscription(id: number, payload: string, state: 'active' | 'canceled' | 'failed'): void {
    this.tell(id, { subscription: { user: this.userOf(id), invoice_payload: payload, state } });
  }

  /** A person uses a link. */
  follows(id: number, name: string): void {
    const link = this.links.find((one) => one.name === name);
    const person = this.person(id);
    if (link === undefined || person.place !== 'out') return;
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
}

/** As the Bot API tells it. */
export const linkOf = ({ name, asks, limit }: Link) => ({
  invite_link: name,
  creator: { id: botId, is_bot: true, first_name: 'bot' },
  creates_join_request: asks,
  is_primary: false,
  is_revoked: false,
  ...(limit > 0 && { member_limit: limit }),
});
