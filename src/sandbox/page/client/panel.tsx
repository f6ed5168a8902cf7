import { signal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { WireStep } from '../wire.ts';
import { ClubPanel } from './club-panel.tsx';
import { Icon } from './icons.tsx';
import { Picture } from './picture.tsx';
import { act, active, activeSession, activeSessions, activeUser, now, page } from './store.ts';
import { clockWithSeconds, dateAndClock, duration, span, words } from './words.ts';

/** Counts seconds, so that what waits is counted down. */
const second = signal(0);
setInterval(() => second.value++, 1_000);

/** What goes on inside: the machine, the session, what is pending, every step; and what can be done to the bot. */
export function Panel() {
  return (
    <section class="panel" aria-label={words.value.machine}>
      <Controls />
      <Picture />
      <div class="facts">
        <Session />
        <Steps />
      </div>
    </section>
  );
}

function Controls() {
  const w = words.value;
  const bot = page.value?.bot;
  const [isClubOpen, openClub] = useState(false);
  const hasTimer = activeSessions.value.some(({ timers }) => timers.length > 0);
  return (
    <div class="controls" role="toolbar" aria-label={w.machine}>
      <button
        type="button"
        class="control strong"
        disabled={!hasTimer}
        title={hasTimer ? undefined : w.noReminder}
        onClick={() => act({ do: 'skip', chat: active.value })}
      >
        <Icon name="skip" size={16} /> {w.skip}
      </button>
      <button type="button" class="control" onClick={() => act({ do: 'advance', ms: 300_000 })}>
        <Icon name="clock" size={16} /> {w.plus5}
      </button>
      <button type="button" class="control" onClick={() => act({ do: 'advance', ms: 86_400_000 })}>
        <Icon name="clock" size={16} /> {w.plusDay}
      </button>
      <button type="button" class="control" onClick={() => act({ do: 'advance', ms: 30 * 86_400_000 })}>
        <Icon name="clock" size={16} /> {w.plus30Days}
      </button>
      <button
        type="button"
        class="control"
        title={w.killHint}
        disabled={bot?.process === 'starting'}
        onClick={() => act({ do: 'restart' })}
      >
        <Icon name="power" size={16} /> {w.kill}
      </button>
      <button
        type="button"
        class="control"
        disabled={bot?.isOffline}
        onClick={() => act({ do: 'disconnect', ms: 10_000 })}
      >
        <Icon name="offline" size={16} /> {w.disconnect}
      </button>
      {activeUser.value?.club !== undefined && (
        <button type="button" class="control" onClick={() => openClub(true)}>
          <Icon name="door" size={16} /> {w.club}
        </button>
      )}
      {isClubOpen && <ClubPanel onClose={() => openClub(false)} />}
    </div>
  );
}

/** A value of a context, for reading: what is a time by its size is shown as one. */
function shown(value: unknown): string {
  if (typeof value === 'number' && value > 1e12 && value < 1e13) return dateAndClock(value);
  if (Array.isArray(value) && value.length > 0) return value.map(shown).join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function Session() {
  const w = words.value;
  const session = activeSession.value;
  const context = Object.entries((session?.context ?? {}) as Record<string, unknown>);
  return (
    <section class="card session" aria-label={w.session}>
      <header>
        <h2>{w.session}</h2>
        {session !== undefined && <code class="state-name">{session.state}</code>}
      </header>
      {session === undefined ? (
        <p class="none">{w.noSession}</p>
      ) : (
        <dl class="context" aria-label={w.context}>
          {context.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd title={String(value)}>{shown(value)}</dd>
            </div>
          ))}
        </dl>
      )}
      <Timers />
    </section>
  );
}

/** What is pending in all machines of the person, the next first. */
function Timers() {
  const w = words.value;
  // Read for its effect: the countdown is shown anew each second.
  second.value;
  const timers = activeSessions.value
    .flatMap(({ machine, timers: own }) => own.map((timer) => ({ machine, ...timer })))
    .sort((a, b) => a.due - b.due);
  const isMixed = new Set(timers.map(({ machine }) => machine)).size > 1;
  if (activeSessions.value.length === 0) return null;
  return (
    <>
      <h3>{w.reminders}</h3>
      {timers.length === 0 ? (
        <p class="none">{w.noReminders}</p>
      ) : (
        <ul class="timers">
          {timers.map(({ machine, name, due }) => (
            <li key={`${machine} ${name}`}>
              <span>
                <code>{name}</code>
                {isMixed && <small class="machine-name">{machine}</small>}
              </span>
              <time dateTime={new Date(due).toISOString()}>
                {due <= now() ? w.dueNow : duration(due - now())}
              </time>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

function Steps() {
  const w = words.value;
  const list = useRef<HTMLOListElement>(null);
  const steps = (page.value?.steps ?? []).filter(
    (step) => step.kind !== 'step' || step.chat === active.value,
  );
  const newest = steps.at(-1)?.id;
  useEffect(() => {
    list.current?.scrollTo({ top: list.current.scrollHeight });
  }, [newest, active.value]);
  return (
    <section class="card steps" aria-label={w.steps}>
      <header>
        <h2>{w.steps}</h2>
        <span class="whose">{activeUser.value?.name}</span>
      </header>
      {steps.length === 0 ? (
        <p class="none">{w.noSteps}</p>
      ) : (
        <ol ref={list} aria-live="polite">
          {steps.map((step) => (
            <Step key={step.id} step={step} />
          ))}
        </ol>
      )}
    </section>
  );
}

function Step({ step }: { step: WireStep }) {
  const w = words.value;
  const time = <time>{clockWithSeconds(step.at)}</time>;
  if (step.kind !== 'step') {
    const text = step.kind === 'moved' ? w.notes.moved(span(step.ms)) : w.notes[step.kind];
    return (
      <li class={`note ${step.kind}`}>
        {time}
        <span>{text}</span>
      </li>
    );
  }
  const { machine, event, from, to, effects } = step;
  const isMain = machine === page.value?.machines[0]?.id;
  const outcome =
    to === null ? (from === null ? w.expired : w.ignored) : from === to ? to : `${from ?? '∅'} → ${to}`;
  return (
    <li class={from === to ? 'step' : 'step moves'}>
      {time}
      <span class="event">
        <code>{shortEvent(event)}</code>
        {!isMain && <small class="machine-name">{machine}</small>}
      </span>
      <span class="outcome">
        <span aria-hidden="true">→ </span>
        <code>{outcome}</code>
        {from === to && to !== null && <small> {w.stays}</small>}
      </span>
      {effects.length > 0 && (
        <ul class="effects">
          {effects.map((effect, index) => (
            <li key={index}>{effect}</li>
          ))}
        </ul>
      )}
    </li>
  );
}

/** `xstate.after.payment_reminder.access.awaiting_payment` → `after payment_reminder`. */
const shortEvent = (event: string) =>
  event
    .replace(/^xstate\.after\.([^.]+)\..*$/, 'after $1')
    .replace(/^xstate\.(done|error)\.actor\.(?:.*\.)?/, '$1 ')
    .replace(/^xstate\./, '');
