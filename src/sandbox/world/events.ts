import type { SandboxMessage } from './message.ts';

/** What a chat client would want to see at once. `user` and `chat` are ids; in a private chat they are the same. */
export type SandboxEvent =
  | { readonly type: 'message'; readonly message: SandboxMessage }
  | { readonly type: 'message_changed'; readonly message: SandboxMessage }
  | { readonly type: 'messages_deleted'; readonly chat: number; readonly ids: readonly number[] }
  /** `action` as sendChatAction names it: typing, upload_video …; it is shown for 5 s or until the next message. */
  | { readonly type: 'chat_action'; readonly chat: number; readonly action: string }
  | {
      readonly type: 'button_pressed';
      readonly user: number;
      readonly chat: number;
      readonly message: number;
      readonly query: string;
      readonly data: string;
    }
  /** The bot answered a pressed button. An empty text only ends the button's waiting. */
  | {
      readonly type: 'button_answered';
      readonly user: number;
      readonly chat: number;
      readonly message: number;
      readonly query: string;
      readonly data: string;
      readonly text: string;
      readonly alert: boolean;
      readonly url?: string;
    }
  | { readonly type: 'blocked' | 'unblocked'; readonly user: number }
  | { readonly type: 'commands_changed' }
  | {
      readonly type: 'checkout_asked';
      readonly user: number;
      readonly query: string;
      readonly currency: string;
      readonly amount: number;
    }
  /** Also when the bot let the time pass: `error` says so. */
  | {
      readonly type: 'checkout_answered';
      readonly user: number;
      readonly query: string;
      readonly ok: boolean;
      readonly error?: string;
    }
  | { readonly type: 'paid' | 'refunded'; readonly user: number; readonly charge: string }
  | {
      readonly type: 'subscription_changed';
      readonly user: number;
      readonly charge: string;
      readonly state: 'active' | 'canceled' | 'failed' | 'ended';
    }
  | {
      readonly type: 'joined' | 'left' | 'banned' | 'unbanned' | 'join_requested' | 'join_declined';
      readonly user: number;
      readonly club: number;
    }
  | { readonly type: 'offline' | 'online' };
