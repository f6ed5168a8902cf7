import { useRef, useState } from 'preact/hooks';
import { attachments, type WireCommand, type WireUser } from '../wire.ts';
import { Icon } from './icons.tsx';
import { closeWhenLeft } from './popup.ts';
import { act, page } from './store.ts';
import { words } from './words.ts';

/** The field at the foot of a chat, with the commands menu; one large button before /start and while the bot is blocked. */
export function Composer({ user, isEmpty }: { user: WireUser; isEmpty: boolean }) {
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
  const commands = [...user.commands, ...grants(user)].filter(
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
        <Commands id={`commands-${user.id}`} commands={commands} chosen={chosen} send={send} />
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

function Commands({
  id,
  commands,
  chosen,
  send,
}: {
  id: string;
  commands: readonly WireCommand[];
  chosen: number;
  send: (line: string) => void;
}) {
  return (
    <div class="commands" role="listbox" aria-label={words.value.commands} id={id}>
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
  );
}

/** What an operator may want to write, which stands in nobody's menu. */
const grants = ({ isOperator }: WireUser): readonly WireCommand[] =>
  isOperator
    ? (page.value?.users ?? [])
        .filter((user) => !user.isOperator)
        .map(({ id, name }) => ({ command: `grant ${id} 30`, description: words.value.grantTo(name) }))
    : [];

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
