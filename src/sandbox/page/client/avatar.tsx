import type { WireUser } from '../wire.ts';

const hues = [4, 28, 265, 130, 195, 215, 335];
export const Avatar = ({ user }: { user: WireUser }) => (
  <span class="avatar" aria-hidden="true" style={{ '--hue': String(hues[user.id % hues.length]) }}>
    {user.name.slice(0, 1).toUpperCase()}
  </span>
);
