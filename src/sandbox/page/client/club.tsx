import { useState } from 'preact/hooks';
import type { WireOpened, WireUser } from '../wire.ts';
import { Dialog } from './dialog.tsx';
import { Icon, Spinner } from './icons.tsx';
import { act } from './store.ts';
import { words } from './words.ts';

interface Props {
  readonly user: WireUser;
  readonly url: string;
  readonly club: Extract<WireOpened, { kind: 'club' }>;
  readonly onClose: () => void;
}

/** The sheet that Telegram opens over an invite link: the club, and the way in. */
export function ClubSheet({ user, url, club, onClose }: Props) {
  const [stage, go] = useState<'asked' | 'entering' | 'requested' | { error: string }>('asked');
  const w = words.value;
  const enter = async () => {
    go('entering');
    const reply = await act({ do: 'enter', chat: user.id, url });
    if (!reply.ok) go({ error: reply.error });
    else if (reply.entered === 'requested') go('requested');
    else onClose();
  };
  const isOver = club.way === 'inside' || stage === 'requested';
  return (
    <Dialog label={club.title} kind="sheet" onClose={onClose}>
      <div class="pay-mark club" aria-hidden="true">
        <Icon name="door" size={44} />
      </div>
      <h2>{club.title}</h2>
      <p class="quiet">{w.members(club.members)}</p>
      {club.way === 'inside' && <p>{w.isMember}</p>}
      {stage === 'requested' && <p>{w.requestSent}</p>}
      {typeof stage === 'object' && (
        <p class="error" role="alert">
          {stage.error}
        </p>
      )}
      <button
        type="button"
        class="primary"
        disabled={stage === 'entering'}
        onClick={isOver ? onClose : enter}
      >
        {stage === 'entering' && <Spinner />}
        {isOver ? w.close : club.way === 'request' ? w.requestToJoin : w.joinClub}
      </button>
    </Dialog>
  );
}
