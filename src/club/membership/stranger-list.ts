import type { Members, Notes, Table } from '#runtime';

/** Somebody who came into the club without access. */
export interface Stranger {
  readonly chat: number;
  /** As it is shown; '' when it is not known. */
  readonly name: string;
  /** They are taken out; otherwise they are left inside. */
  readonly isRemoved: boolean;
}

/** Keeps strangers until the operators are told of them, and the ids of those who are left inside, for all copies. */
export class StrangerList {
  /** Chat → who. */
  readonly #table: Table;
  readonly #inside: Members;

  constructor(notes: Notes) {
    this.#table = notes.table('strangers');
    this.#inside = notes.group('strangers:inside');
  }

  /** Twice is once. */
  async add({ chat, ...stranger }: Stranger): Promise<void> {
    await this.#table.set(`${chat}`, JSON.stringify(stranger));
  }

  async list(): Promise<Stranger[]> {
    return Object.entries(await this.#table.all()).map(([chat, text]) => ({
      ...(JSON.parse(text) as Omit<Stranger, 'chat'>),
      chat: Number(chat),
    }));
  }

  /** The operators were told of them. */
  async drop(strangers: readonly Pick<Stranger, 'chat' | 'isRemoved'>[]): Promise<void> {
    const inside = strangers.filter(({ isRemoved }) => !isRemoved).map(({ chat }) => `${chat}`);
    await this.#inside.add(...inside);
    await this.#table.remove(...strangers.map(({ chat }) => `${chat}`));
  }

  /** Those who were left inside. */
  async inside(): Promise<number[]> {
    return (await this.#inside.all()).map(Number);
  }

  /** These are outside, or have access by now. */
  async forget(chats: readonly number[]): Promise<void> {
    await this.#inside.remove(...chats.map(String));
  }
}
