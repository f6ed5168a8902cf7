import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { attachments, type WireMessage, type WireUser } from '../wire.ts';
import { Avatar } from './avatar.tsx';
import { Dialog } from './dialog.tsx';
import { Icon } from './icons.tsx';
import { type Bubble, MessageBubble } from './message.tsx';
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
  const choose = (
    action: 'block' | 'unblock' | 'refund' | 'enter' | 'leave' | 'unsubscribe' | 'resubscribe',
  ) => {
    menu.current?.removeAttribute('open');
    void act({ do: action, chat: user.id });
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
        </div>
      </details>
    </header>
  );
}

/** A menu closes when the focus goes elsewhere. */
function closeWhenLeft(event: FocusEvent & { currentTarget: HTMLDetailsElement }) {
  if (!(event.relatedTarget instanceof Node) || !event.currentTarget.contains(event.relatedTarget))
    event.currentTarget.removeAttribute('open');
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

function Composer({ user, isEmpty }: { user: WireUser; isEmpty: boolean }) {
  const [text, write] = useState('');
  const [isMenuOpen, openMenu] = useState(false);
  const [chosen, choose] = useState(0);
  const field = useRef<HTMLTextAreaElement>(null);
  const w = words.value;
  const say = (line: string) => void act({ do: 'say', chat: user.id, text: line });
  if (user.isBlocking) {
    const restart = async () => {
      const reply = await act({ do: 'unblock', chat: user.id });
      if (reply.ok) say('/start');
    };
    return (
      <footer class="composer alone">
        <button type="button" class="wide" onClick={restart}>
          {w.restartBot}
        </button>
      </footer>
    );
  }
  if (isEmpty) {
    return (
      <footer class="composer alone">
        <button type="button" class="wide" onClick={() => say('/start')}>
          {w.start}
        </button>
      </footer>
    );
  }
  const typed = /^\/(\w*)$/.exec(text)?.[1];
  const commands = user.commands.filter(
    ({ command }) => isMenuOpen || (typed !== undefined && command.startsWith(typed)),
  );
  const send = (line: string) => {
    if (line.trim() === '') return;
    say(line.trim());
    write('');
    openMenu(false);
    choose(0);
    field.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape') {
      openMenu(false);
      if (typed !== undefined) write('');
    } else if (commands.length > 0 && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
      event.preventDefault();
      choose((chosen + (event.key === 'ArrowDown' ? 1 : commands.length - 1)) % commands.length);
    } else if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      const command = commands[Math.min(chosen, commands.length - 1)];
      send(command === undefined ? text : `/${command.command}`);
    }
  };
  return (
    <footer class="composer">
      {commands.length > 0 && (
        <div class="commands" role="listbox" aria-label={w.commands} id={`commands-${user.id}`}>
          {commands.map(({ command, description }, index) => (
            <button
              type="button"
              role="option"
              key={command}
              aria-selected={index === Math.min(chosen, commands.length - 1)}
              onClick={() => send(`/${command}`)}
            >
              <span>{description}</span>
              <span class="command">/{command}</span>
            </button>
          ))}
        </div>
      )}
      {user.commands.length > 0 && (
        <button
          type="button"
          class="menu"
          aria-expanded={isMenuOpen}
          aria-controls={`commands-${user.id}`}
          onClick={() => {
            openMenu(!isMenuOpen);
            field.current?.focus();
          }}
        >
          <Icon name={isMenuOpen ? 'close' : 'menu'} size={18} />
          <span>{w.menu}</span>
        </button>
      )}
      <textarea
        ref={field}
        rows={1}
        value={text}
        placeholder={w.message}
        aria-label={w.message}
        onKeyDown={onKeyDown}
        onInput={({ currentTarget }) => {
          write(currentTarget.value);
          choose(0);
        }}
      />
      {text.trim() === '' ? (
        <Attach user={user} />
      ) : (
        <button type="button" class="round send" aria-label={w.send} onClick={() => send(text)}>
          <Icon name="send" />
        </button>
      )}
    </footer>
  );
}

function Attach({ user }: { user: WireUser }) {
  const menu = useRef<HTMLDetailsElement>(null);
  const w = words.value;
  return (
    <details class="options up" ref={menu} onFocusOut={closeWhenLeft}>
      <summary class="round" aria-label={w.attach}>
        <Icon name="clip" />
      </summary>
      <div class="popup">
        {attachments.map((kind) => (
          <button
            type="button"
            key={kind}
            onClick={() => {
              menu.current?.removeAttribute('open');
              void act({ do: 'attach', chat: user.id, kind });
            }}
          >
            {w.attachments[kind]}
          </button>
        ))}
      </div>
    </details>
  );
}
