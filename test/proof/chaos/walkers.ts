import type { Sandbox, SandboxUser } from '../../../src/sandbox/index.ts';
import { type Evidence, isDoomed, type Life } from './check.ts';
import type { Random } from './random.ts';
import { doomed } from './recorder.machine.ts';
import type { Stage } from './stage.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer Item)[] ? Item[] : T[K] };

/** A person who writes to the recorder, and what the outside saw of it. */
export class RecorderChat {
  readonly user: SandboxUser;
  readonly seen: Mutable<Omit<Evidence, keyof Life | 'state' | 'chat' | 'revived' | 'suspected'>> = {
    said: [],
    shown: [],
    blocked: [],
    lostAnswers: [],
    hungSends: [],
    past: [],
  };
  isBlocked = false;
  /** Something is being done to it that needs its silence. */
  isReserved = false;
  /** Things that were given up and put back. */
  revived = 0;
  /** Those of them that were taken for what ended the process. */
  readonly suspected: string[] = [];
  readonly #random: Random;
  readonly #stage: Stage;
  #isArmed = false;
  #last: { readonly update_id: number; readonly message: object } | undefined;

  constructor(stage: Stage, random: Random) {
    this.#stage = stage;
    this.#random = random;
    this.user = stage.sandbox.user();
  }

  /** Whether something may be done to it. */
  get isFree(): boolean {
    return !this.isBlocked && !this.isReserved;
  }

  /** One step of a random walk. Whoever has armed a timer mostly waits for it. @returns whether it was made */
  act(): boolean {
    if (!this.isFree) return false;
    this.say(
      this.#random.weighted(
        this.#isArmed
          ? { note: 12, arm: 0.5, ask: 0.5, disarm: 0.7 }
          : { note: 8, arm: 4, ask: 3, disarm: 0.2 },
      ),
    );
    return true;
  }

  /** Says what no machine can take. @returns its kind */
  spoil(random: Random): string {
    const kind = random.pick(doomed);
    this.say(kind);
    return kind;
  }

  /** @returns what was said, as the record shows it */
  say(kind: string): string {
    const what = `${kind} ${this.seen.said.length + 1}`;
    if (kind !== 'note' && !isDoomed(what)) this.#isArmed = kind === 'arm';
    this.seen.said.push({ what, real: Date.now(), virtual: this.#stage.lowest() });
    const first = this.user.messages.find(({ from }) => from === 'user')?.raw;
    if (first === undefined) this.user.says(`/${what}`);
    else {
      // Pushed by hand, for its id: the same update can come again.
      const message = { ...first, message_id: 1_000_000 + this.seen.said.length, text: `/${what}` };
      this.#last = { update_id: this.#stage.sandbox.push({ message }), message };
    }
    return what;
  }

  /** Telegram delivers the last update once more. */
  redeliver(): boolean {
    if (this.#last === undefined) return false;
    this.#stage.sandbox.push(this.#last);
    return true;
  }

  block(): boolean {
    if (!this.isFree || this.seen.said.length === 0) return false;
    this.isBlocked = true;
    this.#isArmed = false;
    this.seen.blocked.push({ from: Date.now(), to: Number.POSITIVE_INFINITY, said: this.seen.said.length });
    this.user.blocks();
    return true;
  }

  unblock(): void {
    if (!this.isBlocked) return;
    this.user.unblocks();
    const block = this.seen.blocked.pop();
    if (block !== undefined) this.seen.blocked.push({ ...block, to: Date.now() });
    this.isBlocked = false;
  }
}

/** A person who walks the product's own conversation: looks around, pays, pays again, gets money back. */
export class BuyerChat {
  readonly user: SandboxUser;
  readonly paid: string[] = [];
  readonly refunded: string[] = [];
  readonly #random: Random;
  /** Checkouts that wait for the bot's answer. */
  readonly pending = new Set<Promise<void>>();
  isBlocked = false;

  constructor(sandbox: Sandbox, random: Random) {
    this.user = sandbox.user();
    this.#random = random;
  }

  /** One step of a random walk. @returns whether it was made */
  act(): boolean {
    if (this.isBlocked) return false;
    const { user, paid, refunded } = this;
    const hasInvoice = user.messages.some(({ kind }) => kind === 'invoice');
    const buttons = user.messages.flatMap((message) =>
      message.buttons.flat().flatMap(({ data }) => data ?? []),
    );
    const charge = paid.find((one) => !refunded.includes(one));
    const choice = this.#random.weighted({
      say: user.messages.length === 0 ? 1_000 : 3,
      press: buttons.length > 0 ? 6 : 0,
      pressRaw: user.messages.some(({ from }) => from === 'bot') ? 0.5 : 0,
      pay: hasInvoice ? 3 : 0,
      payAgain: hasInvoice ? 0.4 : 0,
      refund: charge === undefined ? 0 : 0.8,
    });
    if (choice === 'say') user.says(this.#random.pick(['/start', '/help', '/status', '/terms', 'hello']));
    else if (choice === 'press') user.presses(this.#random.pick(buttons.slice(-6)));
    else if (choice === 'pressRaw')
      user.pressesRaw(this.#random.pick(['payment.received', 'topic.selected:', '💥']));
    else if (choice === 'pay') this.#keep(user.pays());
    else if (choice === 'payAgain') this.#keep(user.paysAgain());
    else if (charge !== undefined) {
      refunded.push(charge);
      user.refunds(charge);
    }
    return true;
  }

  block(): void {
    this.isBlocked = true;
    this.user.blocks();
  }

  unblock(): void {
    this.user.unblocks();
    this.isBlocked = false;
  }

  /** A checkout that is rejected, or not answered in time, takes no money. */
  #keep(payment: Promise<{ charge: string }>): void {
    const mine = payment
      .then(
        ({ charge }) => void this.paid.push(charge),
        () => {},
      )
      .finally(() => this.pending.delete(mine));
    this.pending.add(mine);
  }
}
