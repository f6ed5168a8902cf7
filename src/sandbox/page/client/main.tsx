import { effect, signal } from '@preact/signals';
import { render } from 'preact';
import { useState } from 'preact/hooks';
import type { WireUser } from '../wire.ts';
import { Avatar } from './avatar.tsx';
import { Chat } from './chat.tsx';
import { Dialog } from './dialog.tsx';
import { Icon } from './icons.tsx';
import { Panel } from './panel.tsx';
import { act, active, connect, link, look, notices, page, second, unread } from './store.ts';
import { type Language, language, languages, words } from './words.ts';

const themes = ['auto', 'light', 'dark'] as const;
type Theme = (typeof themes)[number];
const stored = localStorage.getItem('theme');
const theme = signal<Theme>(themes.find((one) => one === stored) ?? 'auto');
/** On a narrow screen one of the two is shown. */
const tab = signal<'chat' | 'machine'>('chat');

effect(() => {
  localStorage.setItem('theme', theme.value);
  document.documentElement.dataset['theme'] = theme.value;
});
effect(() => {
  document.documentElement.lang = language.value;
});

function App() {
  const state = page.value;
  const w = words.value;
  if (state === null) return <p class="connecting">{link.value === 'lost' ? w.lost : w.connecting}</p>;
  const shown = state.users.filter(({ id }) => id === active.value || id === second.value);
  return (
    <div class="app" data-tab={tab.value} data-chats={shown.length}>
      <TopBar users={state.users} />
      {link.value === 'lost' && (
        <p class="banner" role="alert">
          {w.lost}
        </p>
      )}
      {state.bot.process === 'failed' && (
        <p class="banner" role="alert">
          {w.failedWhy(state.bot.reason ?? '')}
        </p>
      )}
      <main>
        {shown.map((user) => (
          <Chat key={user.id} user={user} isOneOfTwo={shown.length === 2} />
        ))}
        <Panel />
      </main>
      <nav class="tabs">
        <button type="button" aria-pressed={tab.value === 'chat'} onClick={() => (tab.value = 'chat')}>
          <Icon name="chat" /> {w.chat}
        </button>
        <button type="button" aria-pressed={tab.value === 'machine'} onClick={() => (tab.value = 'machine')}>
          <Icon name="machine" /> {w.machine}
        </button>
      </nav>
      <div class="toasts page" role="status">
        {notices.value
          .filter(({ chat }) => chat === 0)
          .map(({ id, text }) => (
            <p key={id} class="toast error">
              {text}
            </p>
          ))}
      </div>
    </div>
  );
}

function TopBar({ users }: { users: readonly WireUser[] }) {
  const [isAdding, add] = useState(false);
  const w = words.value;
  return (
    <header class="top">
      <img class="logo" src={logo} alt="Turnstile" width={28} height={28} />
      <div class="people" role="tablist" aria-label={w.people}>
        {users.map((user) => (
          <button
            type="button"
            role="tab"
            class="person"
            key={user.id}
            aria-label={user.isOperator ? `${user.name}, ${w.operator}` : user.name}
            aria-selected={user.id === active.value}
            onClick={() => look(user.id)}
          >
            <Avatar user={user} />
            <span class="person-name">{user.name}</span>
            {user.isOperator && <span class="role">{w.operator}</span>}
            {unread.value.has(user.id) && <span class="unread" role="img" aria-label={w.unread} />}
          </button>
        ))}
      </div>
      <button
        type="button"
        class="round"
        aria-label={w.addPerson}
        title={w.addPerson}
        onClick={() => add(true)}
      >
        <Icon name="plus" />
      </button>
      <span class="space" />
      {users.length > 1 && <BesideSwitch users={users} />}
      <LanguageSwitch />
      <button
        type="button"
        class="round"
        aria-label={`${w.theme}: ${w.themes[theme.value]}`}
        title={`${w.theme}: ${w.themes[theme.value]}`}
        onClick={() => (theme.value = themes[(themes.indexOf(theme.value) + 1) % themes.length] ?? 'auto')}
      >
        <Icon name={theme.value === 'auto' ? 'auto' : theme.value === 'light' ? 'sun' : 'moon'} />
      </button>
      {isAdding && <AddPerson onClose={() => add(false)} />}
    </header>
  );
}

function BesideSwitch({ users }: { users: readonly WireUser[] }) {
  const isOn = second.value !== 0;
  const label = isOn ? words.value.notBeside : words.value.beside;
  const toggle = () => {
    second.value = isOn ? 0 : (users.findLast(({ id }) => id !== active.value)?.id ?? 0);
  };
  return (
    <button
      type="button"
      class="round beside"
      aria-pressed={isOn}
      aria-label={label}
      title={label}
      onClick={toggle}
    >
      <Icon name="beside" />
    </button>
  );
}

function LanguageSwitch() {
  const speak = (to: Language) => void act({ do: 'speak', chat: active.value, language: to });
  return (
    <fieldset class="languages">
      <legend class="unseen">{words.value.language}</legend>
      {Object.entries(languages).map(([id, name]) => (
        <button
          type="button"
          key={id}
          title={name}
          aria-pressed={language.value === id}
          onClick={() => speak(id as Language)}
        >
          {id.toUpperCase()}
        </button>
      ))}
    </fieldset>
  );
}

function AddPerson({ onClose }: { onClose: () => void }) {
  const [name, write] = useState('');
  const [speaks, choose] = useState<string>(language.value);
  const w = words.value;
  const join = async (event: Event) => {
    event.preventDefault();
    const reply = await act({ do: 'join', name, language: speaks });
    if (!reply.ok) return;
    if (reply.user !== undefined) active.value = reply.user;
    onClose();
  };
  return (
    <Dialog label={w.addPerson} kind="sheet" onClose={onClose}>
      <h2>{w.addPerson}</h2>
      <form onSubmit={join}>
        <label>
          {w.personName}
          <input
            value={name}
            required
            maxLength={64}
            onInput={({ currentTarget }) => write(currentTarget.value)}
          />
        </label>
        <label>
          {w.personLanguage}
          <select value={speaks} onChange={({ currentTarget }) => choose(currentTarget.value)}>
            {Object.entries(languages).map(([id, label]) => (
              <option key={id} value={id}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <button type="submit" class="primary">
          {w.add}
        </button>
      </form>
    </Dialog>
  );
}

const logo = new URL('./icon.svg', import.meta.url).href;

connect();
const root = document.getElementById('page');
if (root !== null) render(<App />, root);
