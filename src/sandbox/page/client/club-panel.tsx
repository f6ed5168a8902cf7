import { useState } from 'preact/hooks';
import type { PageAction, WireUser } from '../wire.ts';
import { Avatar } from './avatar.tsx';
import { Dialog } from './dialog.tsx';
import { Icon, Star } from './icons.tsx';
import { act, page } from './store.ts';
import { words } from './words.ts';

/** What the owner of the club does there by hand, with the bot's Stars, and with its past. */
export function ClubPanel({ onClose }: { onClose: () => void }) {
  const [error, tell] = useState('');
  const [command, take] = useState('');
  const w = words.value;
  const { users = [], bot } = page.value ?? {};
  const perform = async (action: PageAction) => {
    const reply = await act(action);
    tell(reply.ok ? '' : reply.error);
    if (reply.ok && reply.command !== undefined) take(reply.command);
  };
  if (command !== '') return <Adoption command={command} onClose={onClose} />;
  const { balance = 0, withdrawn = 0 } = bot?.stars ?? {};
  return (
    <Dialog label={w.club} kind="sheet" onClose={onClose}>
      <div class="pay-top">
        <button type="button" class="round" aria-label={w.close} onClick={onClose}>
          <Icon name="close" />
        </button>
      </div>
      <h2>{users[0]?.club?.title ?? w.club}</h2>
      <p class="quiet">{w.clubHint}</p>
      {error !== '' && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      <ul class="guests">
        {users
          .filter(({ isOperator }) => !isOperator)
          .map((user) => (
            <Guest key={user.id} user={user} perform={perform} />
          ))}
      </ul>
      <div class="till">
        <span>
          {w.botStars}
          <strong>
            {balance} <Star size={15} />
          </strong>
        </span>
        <button
          type="button"
          class="little"
          disabled={balance < 1}
          onClick={() => perform({ do: 'withdrawStars' })}
        >
          {w.withdraw}
        </button>
        <button
          type="button"
          class="little"
          disabled={withdrawn === 0}
          onClick={() => perform({ do: 'returnStars' })}
        >
          {w.giveBack}
        </button>
      </div>
      <div class="past">
        <p class="quiet">{w.historyHint}</p>
        <button type="button" class="little" onClick={() => perform({ do: 'makeHistory' })}>
          <Icon name="clock" size={16} /> {w.history}
        </button>
      </div>
    </Dialog>
  );
}

function Guest({ user, perform }: { user: WireUser; perform: (action: PageAction) => void }) {
  const w = words.value;
  const { isMember = false, isBanned = false } = user.club ?? {};
  const standing = isBanned ? 'banned' : isMember ? 'in' : 'out';
  const button = (label: string, action: 'addToClub' | 'ban' | 'unban') => (
    <button
      type="button"
      class={action === 'ban' ? 'little harsh' : 'little'}
      aria-label={`${label}: ${user.name}`}
      onClick={() => perform({ do: action, chat: user.id })}
    >
      {label}
    </button>
  );
  return (
    <li>
      <Avatar user={user} />
      <span class="guest">
        <strong>{user.name}</strong>
        <span class={`standing ${standing}`}>{w.standing[standing]}</span>
      </span>
      {standing === 'out' && button(w.putIn, 'addToClub')}
      {standing === 'banned' ? button(w.unban, 'unban') : button(w.ban, 'ban')}
    </li>
  );
}

/** The bot has lost its disk: what to type in a terminal, so that it knows again what it has sold. */
function Adoption({ command, onClose }: { command: string; onClose: () => void }) {
  const w = words.value;
  return (
    <Dialog label={w.historyMade} kind="sheet" onClose={onClose}>
      <h2>{w.historyMade}</h2>
      <p>{w.historyText}</p>
      <pre class="terminal">{command}</pre>
      <button type="button" class="primary" onClick={onClose}>
        {w.ok}
      </button>
    </Dialog>
  );
}
