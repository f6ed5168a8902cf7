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
  photo: 'M4 5h16v14H4z M4 16l4.5-4.5 4 4 3-3L20 17M15.5 9v.01',
  voice:
    'M12 4a2.5 2.5 0 0 1 2.5 2.5v5a2.5 2.5 0 0 1-5 0v-5A2.5 2.5 0 0 1 12 4z M6.5 11a5.5 5.5 0 0 0 11 0M12 16.5V20',
  place: 'M12 21s-6.5-6-6.5-11a6.5 6.5 0 0 1 13 0c0 5-6.5 11-6.5 11z M12 8a2 2 0 1 1 0 4 2 2 0 0 1 0-4z',
  smile: 'M12 4a8 8 0 1 1 0 16 8 8 0 0 1 0-16z M8.5 14a4.2 4.2 0 0 0 7 0M9.5 9.5v.5M14.5 9.5v.5',
  door: 'M6 21V4h9v17M4 21h16M15 6h3v15M12 12v1',
  bot: 'M6 9h12v10H6z M12 5v4M9.5 13v1.5M14.5 13v1.5M3.5 13v3M20.5 13v3',
} as const;

export function Icon({ name, size = 20 }: { name: keyof typeof paths; size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}

/** A Telegram Star. */
export const Star = ({ size = 16 }: { size?: number }) => (
  <svg class="star" width={size} height={size} viewBox="0 0 24 24" role="img" aria-label="Stars">
    <path d="M12 2.6c.5 0 .9.3 1.1.7l2.4 5 5.4.7c1.1.1 1.5 1.4.8 2.2l-4 3.8 1 5.5c.2 1-.9 1.8-1.8 1.3L12 19.2l-4.9 2.6c-.9.5-2-.3-1.8-1.3l1-5.5-4-3.8c-.7-.8-.3-2.1.8-2.2l5.4-.7 2.4-5c.2-.4.6-.7 1.1-.7z" />
  </svg>
);

/** A text in which each ⭐ is drawn, since not every machine has a font for it. */
export const WithStars = ({ text }: { text: string }) => (
  <span>
    {text.split('⭐').map((part, index) => (
      <>
        {index > 0 && <Star />}
        {part}
      </>
    ))}
  </span>
);

export const Spinner = () => <span class="spinner" aria-hidden="true" />;
