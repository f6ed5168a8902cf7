import type { SandboxMessage, SandboxUser } from '#sandbox';
import { paint } from '#terminal';
import type { Stage } from './stage.ts';

/** Plays one whole conversation by itself and prints it. */
export async function playScript(stage: Stage): Promise<void> {
  const { sandbox, anna: user } = stage;
  sandbox.onMessage((message) => message.chat === user.id && printMessage(message));
  const show = async (title: string) => {
    const { sessions } = await stage.chat(user.id);
    const states = sessions.map(({ machine, state }) => `${machine} ${state}`);
    const timers = sessions
      .flatMap((session) => session.timers)
      .map(({ name, due }) => `${name} in ${duration(Date.parse(due) - sandbox.clock.now())}`);
    console.log(
      paint.cyan(`  ── ${title}: ${states.join(', ')}; pending: ${timers.join(', ') || 'nothing'}\n`),
    );
  };

  user.says('/start');
  await user.sees('Get access');
  await show('welcomed');

  console.log(paint.dim('  Anna presses “Get access”'));
  user.presses('Get access');
  await seesKind(stage, user, 'invoice');
  await show('offered');

  console.log(paint.dim('  the clock is moved by five minutes'));
  stage.advance(5 * 60_000);
  await seesKind(stage, user, 'video');
  await show('reminded');

  console.log(paint.dim('  Anna pays the invoice: checkout, approval, payment'));
  const { charge } = await user.pays();
  const asked = await sandboxMessage(
    stage,
    user,
    (message) => topicOf(message) !== undefined,
    'the question for a topic',
  );
  await show(`paid (charge ${charge.slice(0, 12)}…)`);

  const topic = topicOf(asked);
  console.log(paint.dim(`  Anna presses “${topic?.label}”`));
  const before = user.messages.length;
  user.presses(topic?.data ?? '');
  await sandboxMessage(
    stage,
    user,
    (message) => user.messages.indexOf(message) > before && message.from === 'bot',
    'the material',
  );
  await show('topic chosen');
  console.log(paint.green('The conversation went through: idle → awaiting_payment → paid → topic_selected.'));
}

const topicOf = (message: SandboxMessage) =>
  message.buttons.flat().find(({ data }) => data?.startsWith('topic.selected') === true);

const seesKind = (stage: Stage, user: SandboxUser, kind: SandboxMessage['kind']) =>
  sandboxMessage(
    stage,
    user,
    (message) => message.kind === kind && message.from === 'bot',
    `a message with the ${kind}`,
  );

async function sandboxMessage(
  stage: Stage,
  user: SandboxUser,
  matches: (message: SandboxMessage) => boolean,
  what: string,
): Promise<SandboxMessage> {
  await stage.sandbox.waitFor(() => user.messages.some(matches), what, 10_000);
  return user.messages.findLast(matches) as SandboxMessage;
}

export function printMessage(message: SandboxMessage): void {
  const isBot = message.from === 'bot';
  const who = isBot ? paint.green('  Bot') : paint.magenta(' Anna');
  const media = message.media
    ?.map(({ fileName, size }) => `${fileName}, ${Math.round(size / 1024)} KB`)
    .join('; ');
  const kind =
    message.kind === 'text'
      ? ''
      : paint.yellow(`[${message.kind}${media === undefined ? '' : `: ${media}`}] `);
  console.log(`${who} │ ${kind}${message.text.split('\n').join('\n      │ ')}`);
  let number = 0;
  for (const row of message.buttons) {
    console.log(`      │ ${row.map(({ label }) => paint.bold(`[${++number} ${label}]`)).join(' ')}`);
  }
}

function duration(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours >= 48) return `${Math.floor(hours / 24)} d${hours % 24 === 0 ? '' : ` ${hours % 24} h`}`;
  return `${hours} h${minutes % 60 === 0 ? '' : ` ${minutes % 60} min`}`;
}
