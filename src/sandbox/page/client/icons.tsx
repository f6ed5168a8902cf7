/** Line icons on a grid of 24; they take the colour of the text around them. */
const paths = {
  send: 'M4 12 20 4l-4.5 16-3.2-6.8z M20 4 12.3 13.2',
  menu: 'M5 7h14M5 12h14M5 17h14',
  close: 'M6 6l12 12M18 6 6 18',
  plus: 'M12 5v14M5 12h14',
  minus: 'M5 12h14',
  more: 'M12 5.5v.01M12 12v.01M12 18.5v.01',
  clip: 'M19 11.5 12 18.6a4.6 4.6 0 0 1-6.5-6.5l7.4-7.4a3.1 3.1 0 0 1 4.4 4.4l-7.4 7.3a1.5 1.5 0 0 1-2.2-2.2L14 7.6',
  beside: 'M4 5h16v14H4z M12 5v14',
  single: 'M7 5h10v14H7z',
  sun: 'M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8z M12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4',
  moon: 'M19.5 14.5A8 8 0 0 1 9.5 4.5 8 8 0 1 0 19.5 14.5z',
  auto: 'M12 4a8 8 0 1 1 0 16 8 8 0 0 1 0-16z M12 4v16M12 8h6.5M12 12h8M12 16h6.5',
  skip: 'M5 6l8 6-8 6z M18 6v12',
  clock: 'M12 4a8 8 0 1 1 0 16 8 8 0 0 1 0-16z M12 8v4.2l2.8 2',
  power: 'M12 4v8M7.5 6.8a7 7 0 1 0 9 0',
  offline: 'M4 9.5a12 12 0 0 1 16 0M7 13a7.5 7.5 0 0 1 10 0M10 16.3a3 3 0 0 1 4 0M4 4l16 16',
  download: 'M12 4v11M7 11l5 5 5-5M5 20h14',
  file: 'M7 3h7l4 4v14H7z M14 3v4h4',
  link: 'M9 15 18 6M11 6h7v7',
  block: 'M12 4a8 8 0 1 1 0 16 8 8 0 0 1 0-16z M6.5 6.5l11 11',
  back: 'M8 7 4 11l4 4M4 11h10a5 5 0 0 1 0 10h-2',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  chat: 'M4 5h16v11H10l-4 4v-4H4z',
  machine: 'M5 4h14v6H5z M9 14h6v6H9z M12 10v4',
  bot: 'M6 9h12v10H6z M12 5v4M9.5 13v1.5M14.5 13v1.5M3.5 13v3M20.5 13v3',
} as const;

export function Icon({ name, size = 20 }: { name: keyof typeof paths; size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}

export const Spinner = () => <span class="spinner" aria-hidden="true" />;
