import { useState } from 'preact/hooks';
import type { WireOpened, WireUser } from '../wire.ts';
import { Avatar } from './avatar.tsx';
import { ClubSheet } from './club.tsx';
import { Dialog } from './dialog.tsx';
import { act, page } from './store.ts';
import { words } from './words.ts';

interface Link {
  readonly owner: WireUser;
  readonly url: string;
}

/** The newest invite link that the bot has sent to each of the others. */
export function passedOnTo(user: WireUser): Link[] {
  const { users = [], messages = {} } = page.value ?? {};
  return users.flatMap((owner) => {
    const buttons = (messages[owner.id] ?? []).flatMap((message) => message.buttons.flat());
    const url = buttons.findLast((button) => button.url?.startsWith('https://t.me/+'))?.url;
    return owner.id === user.id || url === undefined ? [] : [{ owner, url }];
  });
}

/** Opens a link to the club that the bot has made for somebody else. */
export function PassedOnLink({ user, onClose }: { user: WireUser; onClose: () => void }) {
  const [destination, show] = useState<{ url: string; opened: WireOpened } | null>(null);
  const [error, tell] = useState('');
  const w = words.value;
  if (destination?.opened.kind === 'club')
    return <ClubSheet user={user} club={destination.opened} url={destination.url} onClose={onClose} />;
  const open = async (url: string) => {
    const reply = await act({ do: 'open', chat: user.id, url });
    if (!reply.ok) tell(reply.error);
    else if (reply.opened !== undefined) show({ url, opened: reply.opened });
  };
  return (
    <Dialog label={w.passedOn} kind="sheet" onClose={onClose}>
      <h2>{w.passedOn}</h2>
      <p class="quiet">{w.passedOnHint}</p>
      {error !== '' && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      <div class="choices">
        {passedOnTo(user).map(({ owner, url }) => (
          <button type="button" class="choice" key={owner.id} onClick={() => open(url)}>
            <Avatar user={owner} /> {w.linkOf(owner.name)}
          </button>
        ))}
      </div>
    </Dialog>
  );
}
