import { batch, computed, signal } from '@preact/signals';
import type {
  PageAction,
  PageEvent,
  PageReply,
  PageState,
  WireMachine,
  WireSession,
  WireUser,
} from '../wire.ts';

/** null until the server has told. */
export const page = signal<PageState | null>(null);
/** `lost`: the demo itself does not answer. */
export const link = signal<'connecting' | 'open' | 'lost'>('connecting');
/** The user whose chat and session are looked at. */
export const active = signal(0);
/** A second user, beside the first; 0 for none. */
export const second = signal(0);
/** People to whom the bot has written since they were looked at. */
export const unread = signal<ReadonlySet<number>>(new Set());
/** What a bot says it does, by chat, until this time of the machine's clock. */
export const acting = signal<Readonly<Record<number, { action: string; until: number }>>>({});

export interface Notice {
  readonly id: number;
  /** 0: of the page itself. */
  readonly chat: number;
  readonly text: string;
  readonly kind: 'toast' | 'alert' | 'error';
}
export const notices = signal<readonly Notice[]>([]);

export const activeUser = computed<WireUser | undefined>(() =>
  page.value?.users.find(({ id }) => id === active.value),
);
export const activeSessions = computed<readonly WireSession[]>(
  () => page.value?.sessions[active.value] ?? [],
);
/** The machines that this person can have to do with. */
export const activeMachines = computed<readonly WireMachine[]>(() =>
  (page.value?.machines ?? []).filter(
    ({ id, forOperators }) =>
      !forOperators ||
      activeUser.value?.isOperator === true ||
      activeSessions.value.some((session) => session.machine === id),
  ),
);
/** The machine that is looked at; '' for the first. */
export const chosenMachine = signal('');
export const activeMachine = computed<string>(() => {
  const ids = activeMachines.value.map(({ id }) => id);
  return ids.find((id) => id === chosenMachine.value) ?? ids[0] ?? '';
});
export const activeSession = computed<WireSession | undefined>(() =>
  activeSessions.value.find(({ machine }) => machine === activeMachine.value),
);

/** Looks at a person's session; their chat is shown in place of the one looked at, or stands beside it already. */
export function look(id: number): void {
  if (second.value === id) second.value = active.value;
  active.value = id;
  unread.value = new Set([...unread.value].filter((one) => one !== id));
}

/** The machine's clock with the sandbox's lead, ms since 1970. */
export const now = () => Date.now() + (page.value?.clockOffset ?? 0);

const keptSteps = 300;
/** A chat action is shown this long when no message ends it, as Telegram's clients do. */
const actingFor = 5_000;
const toastFor = 3_500;
let nextNotice = 1;

export function notify(chat: number, text: string, kind: Notice['kind']): void {
  const id = nextNotice++;
  notices.value = [
    ...notices.value.filter((one) => one.chat !== chat || one.kind !== kind),
    { id, chat, text, kind },
  ];
  if (kind !== 'alert') setTimeout(() => dismiss(id), toastFor);
}
export const dismiss = (id: number): void => {
  notices.value = notices.value.filter((one) => one.id !== id);
};

/** Asks the server; an error is shown, and told to the caller as well. */
export async function act(action: PageAction): Promise<PageReply> {
  let reply: PageReply;
  try {
    const response = await fetch('/page/actions', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(action),
    });
    reply = (await response.json()) as PageReply;
  } catch {
    reply = { ok: false, error: '' };
  }
  if (!reply.ok && reply.error !== '') notify('chat' in action ? action.chat : 0, reply.error, 'error');
  return reply;
}

/** Follows the server for as long as the page lives. */
export function connect(): void {
  const source = new EventSource('/page/events');
  source.onmessage = ({ data }: MessageEvent<string>) =>
    batch(() => {
      link.value = 'open';
      hear(JSON.parse(data) as PageEvent);
    });
  source.onerror = () => {
    link.value = 'lost';
    // A server that answered with an error is not asked again by the browser itself.
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 2_000);
  };
}

function hear(event: PageEvent): void {
  if (event.type === 'state') {
    page.value = event.state;
    const ids = event.state.users.map(({ id }) => id);
    if (!ids.includes(active.value)) active.value = ids[0] ?? 0;
    if (!ids.includes(second.value)) second.value = 0;
    return;
  }
  const state = page.value;
  if (state === null) return;
  if (event.type === 'answered') {
    if (event.text !== '') notify(event.chat, event.text, event.isAlert ? 'alert' : 'toast');
  } else if (event.type === 'acting') act5s(event.chat, event.action);
  else if (event.type === 'message' && !event.message.isOut) {
    const { chat } = event.message;
    stopActing(chat);
    if (chat !== active.value && chat !== second.value) unread.value = new Set([...unread.value, chat]);
  }
  page.value = reduce(state, event);
}

function act5s(chat: number, action: string): void {
  const until = Date.now() + actingFor;
  acting.value = { ...acting.value, [chat]: { action, until } };
  setTimeout(() => {
    if (acting.value[chat]?.until === until) stopActing(chat);
  }, actingFor);
}

function stopActing(chat: number): void {
  const { [chat]: _, ...others } = acting.value;
  acting.value = others;
}

function reduce(state: PageState, event: Exclude<PageEvent, { type: 'state' }>): PageState {
  switch (event.type) {
    case 'message': {
      const { message } = event;
      const before = state.messages[message.chat] ?? [];
      const isKnown = before.some(({ id }) => id === message.id);
      const after = isKnown
        ? before.map((one) => (one.id === message.id ? message : one))
        : [...before, message];
      return { ...state, messages: { ...state.messages, [message.chat]: after } };
    }
    case 'deleted': {
      const left = (state.messages[event.chat] ?? []).filter(({ id }) => !event.ids.includes(id));
      return { ...state, messages: { ...state.messages, [event.chat]: left } };
    }
    case 'pressed':
      return { ...state, presses: [...state.presses, event.press] };
    case 'answered':
      return { ...state, presses: state.presses.filter(({ query }) => query !== event.query) };
    case 'users':
      return { ...state, users: event.users };
    case 'session':
      return { ...state, sessions: { ...state.sessions, [event.chat]: event.sessions } };
    case 'step':
      return { ...state, steps: [...state.steps, event.step].slice(-keptSteps) };
    case 'bot':
      return { ...state, bot: event.bot };
    case 'clock':
      return { ...state, clockOffset: event.clockOffset };
    case 'acting':
      return state;
  }
}
