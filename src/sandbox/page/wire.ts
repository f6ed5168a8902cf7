// What the chat page and its server say to each other. Times are ms since 1970 by the sandbox's clock.

/** One stretch of a text as the Bot API describes it; offset and length in UTF-16 units. */
export interface WireEntity {
  readonly type: string;
  readonly offset: number;
  readonly length: number;
  readonly url?: string;
  readonly language?: string;
}

export interface WireFile {
  readonly url: string;
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly width?: number;
  readonly height?: number;
  /** Seconds. */
  readonly duration?: number;
}

export type MediaKind = 'photo' | 'video' | 'animation' | 'document' | 'audio' | 'voice' | 'sticker';

/** What is asked for money. */
export interface WireOffer {
  readonly title: string;
  readonly description: string;
  readonly currency: string;
  /** In the currency's smallest units. */
  readonly amount: number;
  /** It is paid again each month. */
  readonly isMonthly?: boolean;
}

/** What an address of Telegram leads to; `way` is how the person could come in. */
export type WireOpened =
  | { readonly kind: 'offer'; readonly offer: WireOffer }
  | {
      readonly kind: 'club';
      readonly title: string;
      readonly members: number;
      readonly way: 'join' | 'request' | 'inside';
    };

export type WireContent =
  | { readonly kind: 'text' }
  /** Without a file, its bytes were never sent: a user's photo of the sandbox. */
  | { readonly kind: MediaKind; readonly file?: WireFile }
  | ({ readonly kind: 'invoice' } & WireOffer)
  | { readonly kind: 'paid' | 'refunded'; readonly currency: string; readonly amount: number }
  /** Something else, by the field's name in the Bot API's Message. */
  | { readonly kind: 'other'; readonly name: string };

export interface WireButton {
  readonly label: string;
  /** `telegram`: an address that Telegram itself opens, an invite link or an invoice's. */
  readonly kind: 'callback' | 'url' | 'telegram' | 'pay' | 'other';
  readonly data?: string;
  readonly url?: string;
}

export interface WireMessage {
  readonly id: number;
  readonly chat: number;
  readonly isOut: boolean;
  readonly at: number;
  readonly isEdited: boolean;
  readonly text: string;
  readonly entities: readonly WireEntity[];
  readonly content: WireContent;
  readonly isSpoiler: boolean;
  /** Messages with the same one are shown together. */
  readonly album?: string;
  readonly buttons: readonly (readonly WireButton[])[];
}

export interface WireCommand {
  readonly command: string;
  readonly description: string;
}

export interface WireUser {
  readonly id: number;
  readonly name: string;
  readonly username?: string;
  /** As Telegram names it: `en`, `ru` … */
  readonly language: string;
  readonly isBlocking: boolean;
  readonly isOperator: boolean;
  /** The club that there is. */
  readonly club?: { readonly title: string; readonly isMember: boolean; readonly isBanned: boolean };
  /** Their newest subscription. */
  readonly subscription?: 'active' | 'canceled' | 'ended';
  /** Their balance. */
  readonly stars: number;
  readonly commands: readonly WireCommand[];
}

export interface WireMachine {
  readonly id: string;
  /** Only operators talk to it. */
  readonly forOperators: boolean;
}

export interface WireSession {
  readonly machine: string;
  readonly state: string;
  readonly context: unknown;
  readonly timers: readonly { readonly name: string; readonly due: number }[];
}

/** One commit of the bot, from its log; or something done to it or to the time. */
export type WireStep = { readonly id: number; readonly at: number } & (
  | {
      readonly kind: 'step';
      readonly chat: number;
      readonly machine: string;
      readonly event: string;
      readonly from: string | null;
      readonly to: string | null;
      readonly effects: readonly string[];
      /** How long the step took, ms. */
      readonly took: number;
    }
  /** `lost`: everything that it had stored is gone. */
  | { readonly kind: 'killed' | 'lost' | 'started' | 'offline' | 'online' }
  | { readonly kind: 'moved'; readonly ms: number }
);

/** A button that was pressed and not answered yet. */
export interface WirePress {
  readonly query: string;
  readonly chat: number;
  readonly message: number;
  readonly data: string;
}

export interface WireBot {
  readonly name: string;
  readonly username: string;
  readonly process: 'starting' | 'running' | 'failed';
  /** Why it does not run. */
  readonly reason?: string;
  readonly isOffline: boolean;
  /** Its balance, and what its owner is taking out. */
  readonly stars: { readonly balance: number; readonly withdrawn: number };
}

/** Everything that the page shows. */
export interface PageState {
  readonly bot: WireBot;
  /** The first is the conversation itself. */
  readonly machines: readonly WireMachine[];
  /** The sandbox's clock less the machine's, ms. */
  readonly clockOffset: number;
  readonly users: readonly WireUser[];
  /** By chat, oldest first. */
  readonly messages: Readonly<Record<number, readonly WireMessage[]>>;
  readonly sessions: Readonly<Record<number, readonly WireSession[]>>;
  readonly presses: readonly WirePress[];
  /** The newest 300, oldest first. */
  readonly steps: readonly WireStep[];
}

/** What the server sends, one per server-sent event. */
export type PageEvent =
  | { readonly type: 'state'; readonly state: PageState }
  | { readonly type: 'message'; readonly message: WireMessage }
  | { readonly type: 'deleted'; readonly chat: number; readonly ids: readonly number[] }
  | { readonly type: 'acting'; readonly chat: number; readonly action: string }
  | { readonly type: 'pressed'; readonly press: WirePress }
  | {
      readonly type: 'answered';
      readonly chat: number;
      readonly query: string;
      readonly text: string;
      readonly isAlert: boolean;
    }
  | { readonly type: 'users'; readonly users: readonly WireUser[] }
  | { readonly type: 'session'; readonly chat: number; readonly sessions: readonly WireSession[] }
  | { readonly type: 'step'; readonly step: WireStep }
  | { readonly type: 'bot'; readonly bot: WireBot }
  | { readonly type: 'clock'; readonly clockOffset: number };

export const attachments = ['photo', 'voice', 'sticker', 'location'] as const;

/** What a person does in their chat, whose id is theirs. */
export type PersonAction =
  | { readonly do: 'say'; readonly chat: number; readonly text: string }
  | { readonly do: 'attach'; readonly chat: number; readonly kind: (typeof attachments)[number] }
  | { readonly do: 'press'; readonly chat: number; readonly message: number; readonly data: string }
  | { readonly do: 'pay'; readonly chat: number; readonly offer: OfferAt }
  /** Looks at where an address of Telegram leads. */
  | { readonly do: 'open'; readonly chat: number; readonly url: string }
  /** Goes into the club by a link; without one, asks to be let in. */
  | { readonly do: 'enter'; readonly chat: number; readonly url?: string }
  | { readonly do: 'leave'; readonly chat: number }
  /** The club's owner puts the person in, bans them, or lifts the ban. */
  | { readonly do: 'addToClub' | 'ban' | 'unban'; readonly chat: number }
  /** Calls the subscription off, or takes it up again. */
  | { readonly do: 'unsubscribe' | 'resubscribe'; readonly chat: number }
  /** Pays the last invoice once more, as Telegram can; or pays it, and the bot is never told. */
  | { readonly do: 'payTwice' | 'payUnheard'; readonly chat: number }
  /** Gives the last payment back. */
  | { readonly do: 'refund'; readonly chat: number }
  | { readonly do: 'block' | 'unblock'; readonly chat: number }
  | { readonly do: 'speak'; readonly chat: number; readonly language: string };

/** Where an offer stands: in a message, or behind an address. */
export type OfferAt = { readonly message: number } | { readonly link: string };

/** What the page asks for. */
export type PageAction =
  | PersonAction
  | { readonly do: 'join'; readonly name: string; readonly language: string }
  | { readonly do: 'advance'; readonly ms: number }
  /** Moves the time to the chat's next reminder. */
  | { readonly do: 'skip'; readonly chat: number }
  | { readonly do: 'restart' }
  /** Telegram refuses the next two invite links. */
  | { readonly do: 'refuseInvites' }
  /** The bot's Stars leave it, so that it can refund nothing; or they come back. */
  | { readonly do: 'withdrawStars' | 'returnStars' }
  /** Telegram has payments from before this bot, whose own disk is lost. */
  | { readonly do: 'makeHistory' }
  | { readonly do: 'disconnect'; readonly ms: number };

/**
 * What came of an action: the person who was added, what an address leads to, how the club's door was passed, what to type
 * in a terminal next.
 */
export interface Outcome {
  readonly user?: number;
  readonly opened?: WireOpened;
  readonly entered?: 'joined' | 'requested';
  readonly command?: string;
}

export type PageReply = ({ readonly ok: true } & Outcome) | { readonly ok: false; readonly error: string };
