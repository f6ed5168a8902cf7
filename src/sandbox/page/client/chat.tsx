import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { WireMessage, WireUser } from '../wire.ts';
import { Avatar } from './avatar.tsx';
import { Composer } from './composer.tsx';
import { Dialog } from './dialog.tsx';
import { Icon } from './icons.tsx';
import { type Bubble, MessageBubble } from './message.tsx';
import { PassedOnLink, passedOnTo } from './passed-on.tsx';
import { closeWhenLeft } from './popup.ts';
import { act, acting, active, dismiss, look, notices, page } from './store.ts';
import { day, dayKey, words } from './words.ts';

/** A pause after which a row of bubbles ends, ms. */
const rowPause = 300_000;

type Item = { readonly day: string; readonly key: string } | Bubble;

/** Puts albums together, marks where days change, and finds the last bubble of each row. */
function itemsOf(messages: readonly WireMessage[]): Item[] {
  const groups: WireMessage[][] = [];
  for (const message of messages) {
    const before = groups.at(-1)?.[0];
    if (message.album !== undefined && before?.album === message.album) groups.at(-1)?.push(message);
    else groups.push([message]);
  }
  return groups.flatMap((group, index): Item[] => {
    const [first] = group as [WireMessage];
    const before = groups[index - 1]?.[0];
    const after = groups[index + 1]?.[0];
    const isLast =
      after === undefined ||
      after.isOut !== first.isOut ||
      after.at - first.at > rowPause ||
      first.buttons.length > 0 ||
      after.content.kind === 'paid' ||
      after.content.kind === 'refunded';
    const bubble = { messages: group, isLast };
    if (before !== undefined && dayKey(before.at) === dayKey(first.at)) return [bubble];
    return [{ day: day(first.at), key: dayKey(first.at) }, bubble];
  });
}

export function Chat({ user, isOneOfTwo }: { user: WireUser; isOneOfTwo: boolean }) {
  const messages = page.value?.messages[user.id] ?? [];
  return (
    <section
      class={user.id === active.value ? 'chat active' : 'chat'}
      aria-label={`${words.value.chat}: ${user.name}`}
      onFocusCapture={() => look(user.id)}
    >
      <Header
        user={user}
        isOneOfTwo={isOneOfTwo}
        hasPaid={messages.some(({ content }) => content.kind === 'paid')}
      />
      <History user={user} messages={messages} />
      <Notices chat={user.id} />
      <Composer user={user} isEmpty={messages.length === 0} key={user.id} />
    </section>
  );
}

function statusOf(chat: number): { text: string; kind: 'quiet' | 'busy' | 'down' } {
  const bot = page.value?.bot;
  const w = words.value;
  if (bot?.process === 'failed') return { text: w.failed, kind: 'down' };
  if (bot?.process === 'starting') return { text: w.starting, kind: 'down' };
  if (bot?.isOffline === true) return { text: w.offline, kind: 'down' };
  const action = acting.value[chat]?.action;
  if (action !== undefined) return { text: w.acting[action] ?? w.acting['typing'] ?? '', kind: 'busy' };
  return { text: w.bot, kind: 'quiet' };
}

function Header({ user, isOneOfTwo, hasPaid }: { user: WireUser; isOneOfTwo: boolean; hasPaid: boolean }) {
  const bot = page.value?.bot;
  const status = statusOf(user.id);
  const w = words.value;
  const menu = useRef<HTMLDetailsElement>(null);
  const [isPassedOn, passOn] = useState(false);
  const choose = (
    action:
      | 'block'
      | 'unblock'
      | 'refund'
      | 'payTwice'
      | 'payUnheard'
      | 'refuseInvites'
      | 'enter'
      | 'leave'
      | 'unsubscribe'
      | 'resubscribe',
  ) => {
    menu.current?.removeAttribute('open');
    void act(action === 'refuseInvites' ? { do: action } : { do: action, chat: user.id });
  };
  return (
    <header class="chat-head">
      <span class="avatar bot" aria-hidden="true">
        <Icon name="bot" size={24} />
      </span>
      <span class="chat-name">
        <strong>{bot?.name}</strong>
        <span class={`status ${status.kind}`} role="status">
          {status.text}
        </span>
      </span>
      {user.isOperator && <span class="role">{w.operator}</span>}
      {user.club?.isMember === true && (
        <span class="club-chip" title={w.memberOf(user.club.title)}>
          <Icon name="door" size={15} /> <span>{user.club.title}</span>
        </span>
      )}
      {isOneOfTwo && (
        <button
          type="button"
          class="whose-chat"
          aria-pressed={user.id === active.value}
          onClick={() => look(user.id)}
        >
          <Avatar user={user} /> <span>{user.name}</span>
        </button>
      )}
      <details class="options" ref={menu} onFocusOut={closeWhenLeft}>
        <summary class="round" aria-label={w.options}>
          <Icon name="more" />
        </summary>
        <div class="popup">
          {user.isBlocking ? (
            <button type="button" onClick={() => choose('unblock')}>
              <Icon name="check" size={18} /> {w.unblock}
            </button>
          ) : (
            <button type="button" onClick={() => choose('block')}>
              <Icon name="block" size={18} /> {w.block}
            </button>
          )}
          {user.club?.isMember === true && (
            <button type="button" onClick={() => choose('leave')}>
              <Icon name="back" size={18} /> {w.leaveClub}
            </button>
          )}
          {user.club?.isMember === false && (
            <button type="button" onClick={() => choose('enter')}>
              <Icon name="door" size={18} /> {w.askToJoin}
            </button>
          )}
          {passedOnTo(user).length > 0 && (
            <button
              type="button"
              onClick={() => {
                menu.current?.removeAttribute('open');
                passOn(true);
              }}
            >
              <Icon name="link" size={18} /> {w.passedOn}
            </button>
          )}
          {user.subscription === 'active' && (
            <button type="button" onClick={() => choose('unsubscribe')}>
              <Icon name="block" size={18} /> {w.unsubscribe}
            </button>
          )}
          {user.subscription === 'canceled' && (
            <button type="button" onClick={() => choose('resubscribe')}>
              <Icon name="check" size={18} /> {w.resubscribe}
            </button>
          )}
          {hasPaid && (
            <button type="button" onClick={() => choose('refund')}>
              <Icon name="back" size={18} /> {w.refund}
            </button>
          )}
          {hasPaid ? (
            <button type="button" onClick={() => choose('payTwice')}>
              <Icon name="plus" size={18} /> {w.payTwice}
            </button>
          ) : (
            <button type="button" onClick={() => choose('payUnheard')}>
              <Icon name="offline" size={18} /> {w.payUnheard}
            </button>
          )}
          {user.club?.isMember === false && (
            <button type="button" onClick={() => choose('refuseInvites')}>
              <Icon name="block" size={18} /> {w.refuseInvites}
            </button>
          )}
        </div>
      </details>
      {isPassedOn && <PassedOnLink user={user} onClose={() => passOn(false)} />}
    </header>
  );
}

function History({ user, messages }: { user: WireUser; messages: readonly WireMessage[] }) {
  const list = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  const toEnd = () => {
    const { current } = list;
    if (current !== null && isAtEnd.current) current.scrollTop = current.scrollHeight;
  };
  // Own messages and the first look always end at the newest.
  const newest = messages.at(-1);
  useLayoutEffect(() => {
    if (newest?.isOut === true) isAtEnd.current = true;
    toEnd();
  }, [messages, user.id]);
  useEffect(() => {
    const { current } = list;
    const content = current?.firstElementChild;
    if (current === null || content === null || content === undefined) return;
    // Pictures that arrive later, and a window that changes, must not leave the newest message below the edge.
    const observer = new ResizeObserver(toEnd);
    observer.observe(content);
    observer.observe(current);
    return () => observer.disconnect();
  }, [user.id]);
  const action = acting.value[user.id];
  return (
    <div
      class="history"
      ref={list}
      role="log"
      aria-live="polite"
      onScroll={({ currentTarget: at }) => {
        isAtEnd.current = at.scrollHeight - at.scrollTop - at.clientHeight < 80;
      }}
    >
      <div class="history-content">
        {messages.length === 0 && <Empty />}
        {itemsOf(messages).map((item) =>
          'day' in item ? (
            <p class="service day" key={item.key}>
              {item.day}
            </p>
          ) : (
            <MessageBubble key={item.messages[0]?.id} bubble={item} user={user} />
          ),
        )}
        {action !== undefined && (
          <div class="message in" aria-hidden="true">
            <div class="bubble in typing">
              <i />
              <i />
              <i />
            </div>
          </div>
        )}
      </div>
    </div>
  );
}

const Empty = () => (
  <div class="empty">
    <span class="avatar bot large" aria-hidden="true">
      <Icon name="bot" size={40} />
    </span>
    <strong>{words.value.emptyTitle}</strong>
    <p>{words.value.emptyText}</p>
  </div>
);

function Notices({ chat }: { chat: number }) {
  return (
    <>
      <div class="toasts" role="status">
        {notices.value
          .filter((notice) => notice.chat === chat && notice.kind !== 'alert')
          .map(({ id, text, kind }) => (
            <p key={id} class={`toast ${kind}`}>
              {text}
            </p>
          ))}
      </div>
      {notices.value
        .filter((notice) => notice.chat === chat && notice.kind === 'alert')
        .map(({ id, text }) => (
          <Dialog key={id} label={text} kind="alert" onClose={() => dismiss(id)}>
            <p>{text}</p>
            <button type="button" class="primary" onClick={() => dismiss(id)}>
              {words.value.ok}
            </button>
          </Dialog>
        ))}
    </>
  );
}
