import type { SandboxUser } from '#sandbox';
import { paint } from '#terminal';
import type { Stage } from './stage.ts';

/** What is played: ids of actions of `turnstile prove`, and how many ms pass with each. */
export interface Replay {
  readonly actions: readonly string[];
  readonly passes: readonly number[];
}

interface Scene extends Stage {
  readonly boris: SandboxUser;
  /** Of Anna's payments, oldest first. */
  readonly charges: string[];
}

const linkTo = ({ messages }: SandboxUser): string | undefined => {
  const links = messages.flatMap(({ raw }) => JSON.stringify(raw).match(/https:\/\/t\.me\/\+[\w-]+/g) ?? []);
  return links.at(-1);
};

const pays = async ({ anna, charges }: Scene, loseUpdate = false): Promise<void> => {
  charges.push((await anna.pays({ loseUpdate })).charge);
};

/** What the people of the sandbox do for an action; what is missing cannot be played by hand. */
export const plays: Readonly<Record<string, (scene: Scene) => Promise<unknown> | unknown>> = {
  buy: ({ anna }) => anna.pressesRaw('access.requested'),
  pay: (scene) => pays(scene),
  'pay-lost': (scene) => pays(scene, true),
  'pay-twice': async (scene) => {
    await pays(scene);
    scene.charges.push((await scene.anna.paysAgain()).charge);
  },
  wait: () => {},
  renew: () => {},
  'renew-lost': ({ anna }) => anna.losesRenewal(),
  'renew-failed': ({ anna }) => anna.runsOutOfStars(),
  compare: ({ advance }) => advance(6 * 60_000),
  join: ({ anna }) => anna.says('/club'),
  topic: ({ anna }) => anna.pressesRaw('topic.selected:focus'),
  'refund-newest': ({ anna, charges }) => anna.refunds(charges.at(-1) ?? ''),
  'refund-oldest': ({ anna, charges }) => anna.refunds(charges[0] ?? ''),
  owe: ({ operator, charges }) => operator.says(`/refund ${charges.at(-1)}`),
  keep: ({ operator, charges }) => operator.says(`/cancel ${charges.at(-1)}`),
  'call-off': ({ anna }) => anna.cancelsSubscription(),
  'take-up': ({ anna }) => anna.resumesSubscription(),
  'block-bot': ({ anna }) => (anna.profile.blocked === true ? anna.unblocks() : anna.blocks()),
  forget: ({ anna }) => anna.says('/forget'),
  grant: ({ operator, anna }) => operator.says(`/grant ${anna.id} 30`),
  'take-days': ({ operator, anna }) => operator.says(`/extend ${anna.id} -10`),
  'grant-forever': ({ operator, anna }) => operator.says(`/grant ${anna.id} forever`),
  revoke: ({ operator, anna }) => operator.says(`/revoke ${anna.id}`),
  shut: ({ operator, anna }) => operator.says(`/block ${anna.id}`),
  leave: ({ anna, club }) => anna.leaves(club),
  ban: ({ anna, club }) => club.bans(anna),
  'pass-on': ({ anna, boris }) => boris.joins(linkTo(anna) ?? ''),
  bring: ({ boris, club }) => club.adds(boris),
  'friend-leaves': ({ boris, club }) => boris.leaves(club),
};

/** The second half of what takes two presses. */
const answers: typeof plays = {
  join: ({ anna }) => anna.joins(linkTo(anna) ?? ''),
  forget: ({ anna }) => anna.presses('forget.confirmed'),
};

const borisId = 1_002;

/** Plays it with the people of the demo, and says what it plays. What cannot be played is left out, and said too. */
export async function replay(stage: Stage, { actions, passes }: Replay): Promise<void> {
  const boris = stage.sandbox.user({ id: borisId, firstName: 'Boris' });
  const charges: string[] = [];
  stage.anna.says('/start');
  await stage.settled();
  for (const [index, id] of actions.entries()) {
    const scene: Scene = { ...stage, boris, charges };
    const time = passes[index] ?? 0;
    const play = plays[id];
    console.log(
      `${paint.cyan(id)}${play === undefined ? paint.yellow(' cannot be played here; left out') : ''}`,
    );
    try {
      await play?.(scene);
      await stage.settled();
      if (answers[id] !== undefined) {
        await answers[id](scene);
        await stage.settled();
      }
    } catch (error) {
      console.log(paint.yellow(`  ${error instanceof Error ? error.message : String(error)}`));
    }
    if (time > 0) stage.advance(time);
    await stage.settled();
  }
}
