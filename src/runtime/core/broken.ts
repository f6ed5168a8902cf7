/** What XState has against a machine when its file is read, before there is a machine to check. */
export interface BrokenMachine {
  /** XState's id of the state, which begins with the machine's; null: it does not say which. */
  readonly state: string | null;
  /** The state that was named and is not there; null: something else is wrong. */
  readonly missing: string | null;
  readonly problem: string;
}

const patterns: readonly {
  readonly text: RegExp;
  readonly read: (words: readonly string[]) => Omit<BrokenMachine, 'state'> & { readonly state?: string };
}[] = [
  {
    text: /Child state '(.+)' does not exist on '(.+)'$/,
    read: ([missing = '', parent]) => ({
      missing,
      problem: `a transition leads to "${missing}", which is no state of "${parent}"`,
    }),
  },
  {
    text: /Unable to retrieve child state '(.+)' from .(.+).; no child states exist/,
    read: ([missing = '', parent]) => ({
      missing,
      problem: `a transition leads to "${missing}" in "${parent}", which has no states`,
    }),
  },
  {
    text: /Child state node '#(.+)' does not exist on machine '(.+)'$/,
    read: ([missing = '', state]) => ({
      missing,
      problem: `a transition leads to "#${missing}", which is the id of no state`,
      ...(state !== undefined && { state }),
    }),
  },
  {
    text: /^Invalid target: "(.+)" is not a valid target from the root node/,
    read: ([target]) => ({
      missing: null,
      problem: `a transition of the machine itself leads to "${target}"; write ".${target}"`,
    }),
  },
  {
    text: /^No initial state specified for compound state node "#(.+)"/,
    read: ([state]) => ({
      missing: null,
      problem: 'it has states and says not which is the initial one; write initial',
      ...(state !== undefined && { state }),
    }),
  },
];

/** @returns null when it is no such error of XState's */
export function brokenMachine({ message }: Error): BrokenMachine | null {
  const [, within] = /^Invalid transition definition for state node '(.+)':\n/.exec(message) ?? [];
  for (const { text, read } of patterns) {
    const words = text.exec(message);
    if (words === null) continue;
    const { state, ...found } = read(words.slice(1));
    // A transition of the root is told of without the state: the parent that is named is the root itself.
    return { ...found, state: within ?? state ?? null };
  }
  return null;
}
