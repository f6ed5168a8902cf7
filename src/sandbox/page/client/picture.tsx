import { useEffect, useRef, useState } from 'preact/hooks';
import { Icon } from './icons.tsx';
import { active, activeMachine, activeMachines, activeSession, chosenMachine, page } from './store.ts';
import { words } from './words.ts';

const steps = [0.5, 0.65, 0.8, 1, 1.25];

/** The chosen machine's picture, laid out once; the current state and the last transition are lit in it. */
export function Picture() {
  const frame = useRef<HTMLDivElement>(null);
  const [svg, keep] = useState<SVGSVGElement | null>(null);
  const [hasFailed, fail] = useState(false);
  const machine = activeMachine.value;
  const [zoom, setZoom] = useState<number | null>(null);
  const w = words.value;
  useEffect(() => {
    let isWanted = true;
    fail(false);
    loadPicture(machine).then(
      (loaded) => {
        if (!isWanted) return;
        frame.current?.replaceChildren(loaded);
        keep(loaded);
      },
      () => isWanted && fail(true),
    );
    return () => {
      isWanted = false;
    };
  }, [machine]);
  const state = activeSession.value?.state;
  useEffect(() => {
    if (svg !== null) light(svg, state);
    const { current } = frame;
    if (svg === null || current === null) return;
    // Also when the frame gets its size: on a narrow screen it is hidden at first.
    const observer = new ResizeObserver(() => showCurrent(current, svg));
    observer.observe(current);
    return () => observer.disconnect();
  }, [svg, state, zoom]);
  const last = page.value?.steps.findLast(
    (step) => step.kind === 'step' && step.chat === active.value && step.machine === machine,
  );
  useEffect(() => {
    if (svg === null || last?.kind !== 'step') return;
    return flash(svg, last.event, last.from ?? last.to ?? '');
  }, [svg, last?.id]);
  useEffect(() => {
    if (svg === null) return;
    const { width } = svg.viewBox.baseVal;
    svg.style.width =
      zoom === null ? `clamp(${Math.round(width * 0.7)}px, 100%, ${width}px)` : `${width * zoom}px`;
  }, [svg, zoom]);
  const change = (by: 1 | -1) => {
    const shown = svg === null ? 1 : svg.clientWidth / svg.viewBox.baseVal.width;
    const next =
      by > 0 ? steps.find((step) => step > shown + 0.01) : steps.findLast((step) => step < shown - 0.01);
    if (next !== undefined) setZoom(next);
  };
  return (
    <section class="card picture" aria-label={w.picture}>
      <header>
        {activeMachines.value.length < 2 ? <h2>{w.picture}</h2> : <Machines />}
        <span class="zoom">
          <button type="button" class="small" aria-label={w.zoomOut} onClick={() => change(-1)}>
            <Icon name="minus" size={16} />
          </button>
          <button type="button" class="small" aria-pressed={zoom === null} onClick={() => setZoom(null)}>
            {w.fit}
          </button>
          <button type="button" class="small" aria-label={w.zoomIn} onClick={() => change(1)}>
            <Icon name="plus" size={16} />
          </button>
        </span>
      </header>
      {hasFailed && <p class="none">{w.pictureMissing}</p>}
      <div class="frame" hidden={hasFailed} ref={frame} />
    </section>
  );
}

function Machines() {
  return (
    <div class="machines" role="tablist" aria-label={words.value.picture}>
      {activeMachines.value.map(({ id }) => (
        <button
          type="button"
          role="tab"
          key={id}
          aria-selected={id === activeMachine.value}
          onClick={() => (chosenMachine.value = id)}
        >
          {id}
        </button>
      ))}
    </div>
  );
}

const pictures = new Map<string, Promise<SVGSVGElement>>();

/** Each machine's picture is fetched once; one that could not be is asked for again. */
function loadPicture(machine: string): Promise<SVGSVGElement> {
  const loading = pictures.get(machine) ?? fetchPicture(machine);
  pictures.set(machine, loading);
  loading.catch(() => pictures.delete(machine));
  return loading;
}

async function fetchPicture(machine: string): Promise<SVGSVGElement> {
  const response = await fetch(`/page/machines/${machine}.svg`);
  if (!response.ok) throw new Error(`Expected the picture, found status ${response.status}.`);
  const parsed = new DOMParser().parseFromString(await response.text(), 'image/svg+xml');
  const root = document.adoptNode(parsed.documentElement);
  if (!(root instanceof SVGSVGElement)) throw new Error('Expected an SVG picture.');
  root.removeAttribute('height');
  root.removeAttribute('width');
  return root;
}

const byData = (svg: SVGSVGElement, name: string, value: string) =>
  [...svg.querySelectorAll(`[data-${name}]`)].filter(
    (element) => element.getAttribute(`data-${name}`) === value,
  );

/** A state is lit with those around it: `a.b` lights `a` and `a.b`; `a.x+b.y` are two. */
function light(svg: SVGSVGElement, state: string | undefined): void {
  const paths = (state ?? '').split('+').flatMap((path) => {
    const keys = path.split('.');
    return keys.map((_, index) => keys.slice(0, index + 1).join('.'));
  });
  for (const element of svg.querySelectorAll('[data-state]')) {
    const path = element.getAttribute('data-state') ?? '';
    const isCurrent = path !== '' && paths.includes(path);
    element.classList.toggle('current', isCurrent);
    if (isCurrent) element.setAttribute('aria-current', 'step');
    else element.removeAttribute('aria-current');
  }
}

/** Lights a transition for a moment. */
function flash(svg: SVGSVGElement, event: string, from: string): () => void {
  const taken = byData(svg, 'event', event).filter((element) => {
    const state = element.getAttribute('data-from') ?? '';
    return state === '' || from === state || from.startsWith(`${state}.`);
  });
  for (const element of taken) element.classList.add('fired');
  const clear = () => {
    for (const element of taken) element.classList.remove('fired');
  };
  const later = setTimeout(clear, 2_500);
  return () => {
    clearTimeout(later);
    clear();
  };
}

/** Scrolls the frame alone, so that the page around it stays. */
function showCurrent(frame: HTMLElement, svg: SVGSVGElement): void {
  const current = svg.querySelector('.leaf.current') ?? svg.querySelector('.current');
  if (current === null) return;
  const [inner, outer] = [current.getBoundingClientRect(), frame.getBoundingClientRect()];
  const isStill = matchMedia('(prefers-reduced-motion: reduce)').matches;
  frame.scrollTo({
    left: frame.scrollLeft + inner.left - outer.left - (outer.width - inner.width) / 2,
    top: frame.scrollTop + inner.top - outer.top - Math.max(16, (outer.height - inner.height) / 2),
    behavior: isStill ? 'instant' : 'smooth',
  });
}
