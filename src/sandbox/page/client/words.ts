import { computed } from '@preact/signals';
import { activeUser } from './store.ts';

const en = {
  bot: 'bot',
  starting: 'the bot is starting again…',
  failed: 'the bot has stopped',
  failedWhy: (reason: string) => `The bot has stopped: ${reason}`,
  offline: 'waiting for network…',
  lost: 'The demo does not answer. If it has ended, start it again: npm run demo',
  connecting: 'Connecting…',
  acting: {
    typing: 'typing…',
    upload_photo: 'sending a photo…',
    upload_video: 'sending a video…',
    upload_document: 'sending a file…',
    upload_voice: 'sending a voice message…',
    record_video: 'recording a video…',
    record_voice: 'recording a voice message…',
    choose_sticker: 'choosing a sticker…',
    find_location: 'looking for a place…',
  } as Record<string, string>,
  message: 'Message',
  send: 'Send',
  menu: 'Menu',
  commands: 'Commands of the bot',
  start: 'Start',
  restartBot: 'Restart',
  emptyTitle: 'What can this bot do?',
  emptyText:
    'It sells access to a club, and reminds whoever has not paid. Press Start; the messages are what a real person would get.',
  edited: 'edited',
  options: 'Options of the chat',
  block: 'Block the bot',
  unblock: 'Unblock the bot',
  refund: 'Ask for the money back',
  payTwice: 'Pay the invoice a second time',
  payUnheard: 'Pay, and the bot is not told',
  refuseInvites: 'Telegram refuses two invites',
  leaveClub: 'Leave the club',
  askToJoin: 'Ask to join the club',
  unsubscribe: 'Call the subscription off',
  resubscribe: 'Take the subscription up again',
  memberOf: (club: string) => `In ${club}`,
  members: (count: number) => (count === 1 ? '1 member' : `${count} members`),
  joinClub: 'Join',
  requestToJoin: 'Request to join',
  requestSent: 'The request was sent. The bot decides.',
  isMember: 'This person is in already.',
  passedOn: 'Open a link of …',
  passedOnHint: 'Somebody has passed their link on. Whose?',
  linkOf: (name: string) => `The link of ${name}`,
  club: 'The club',
  clubHint: 'What its owner does by hand, without the bot.',
  standing: { in: 'in the club', out: 'outside', banned: 'banned' },
  putIn: 'Put in',
  ban: 'Ban',
  unban: 'Lift the ban',
  botStars: 'Stars of the bot',
  withdraw: 'Withdraw all',
  giveBack: 'Put them back',
  history: 'Give the bot a history',
  historyHint:
    'Telegram lists payments of four people from before this bot, and everything that the bot itself has stored is lost.',
  historyMade: 'The bot knows nothing of what it has sold',
  historyText:
    'It starts again, finds payments in Telegram’s list that its books do not have, and tells its operator. Typed in a terminal, this takes them over; with --dry-run behind it, it only says what it would do.',
  grantTo: (name: string) => `Give ${name} 30 days`,
  attach: 'Attach',
  attachments: { photo: 'Photo', voice: 'Voice message', sticker: 'Sticker', location: 'Place' },
  pay: (price: string) => `Pay ${price}`,
  checkout: 'Confirm your purchase',
  checkoutFor: (title: string, bot: string, price: string) => ({
    before: 'Do you want to buy ',
    title,
    middle: ' in ',
    bot,
    for: ' for ',
    price,
  }),
  balance: 'Balance',
  confirm: (price: string) => `Confirm and pay ${price}`,
  paying: 'The bot is asked…',
  paidTitle: 'Payment completed',
  paidText: (price: string) => `You paid ${price}. The bot knows.`,
  eachMonth: (amount: string) => `${amount} each month`,
  subscribe: (price: string) => `Subscribe for ${price} a month`,
  notEnough: 'Not enough Stars',
  close: 'Close',
  done: 'Done',
  ok: 'OK',
  service: {
    paid: (price: string, bot: string) => `You have just successfully transferred ${price} to ${bot}`,
    refunded: (price: string, bot: string) => `${bot} refunded you ${price}`,
  },
  stars: (count: number) => (count === 1 ? '1 Star' : `${count} Stars`),
  download: 'Download',
  openPhoto: 'Open the photo',
  noBytes: 'a picture of the sandbox',
  people: 'People',
  operator: 'operator',
  unread: 'new messages',
  addPerson: 'Add a person',
  personName: 'Name',
  personLanguage: 'Language of their Telegram',
  add: 'Add',
  beside: 'Show two chats',
  notBeside: 'Show one chat',
  language: 'Language of this person',
  theme: 'Appearance',
  themes: { auto: 'as the system', light: 'light', dark: 'dark' },
  chat: 'Chat',
  machine: 'Machine',
  skip: 'Skip to next reminder',
  noReminder: 'No reminder is pending',
  plus5: '+5 min',
  plusDay: '+1 day',
  plus30Days: '+30 days',
  kill: 'Restart the bot',
  killHint: 'Kills its process (SIGKILL) and starts it again',
  disconnect: 'Lose the network for 10 s',
  picture: 'Machine',
  pictureMissing: 'The picture could not be loaded.',
  fit: 'Fit',
  zoomIn: 'Larger',
  zoomOut: 'Smaller',
  session: 'Session',
  noSession: 'No session yet. It begins with the first message.',
  context: 'Context',
  reminders: 'Reminders',
  noReminders: 'Nothing is pending.',
  steps: 'Steps',
  noSteps: 'Each step appears here: event → state → effects.',
  dueNow: 'now',
  stays: 'stays',
  ignored: 'ignored',
  expired: 'no session',
  notes: {
    killed: 'The bot was killed (SIGKILL)',
    lost: 'Everything that the bot had stored is gone',
    started: 'The bot runs and goes on where it was',
    offline: 'The network is gone',
    online: 'The network is back',
    moved: (by: string) => `The clock was moved by ${by}`,
  },
  units: { day: 'd', hour: 'h', minute: 'min', second: 's' },
};

const ru: typeof en = {
  bot: 'бот',
  starting: 'бот снова запускается…',
  failed: 'бот остановился',
  failedWhy: (reason) => `Бот остановился: ${reason}`,
  offline: 'ожидание сети…',
  lost: 'Демо не отвечает. Если оно завершилось, запустите снова: npm run demo',
  connecting: 'Соединение…',
  acting: {
    typing: 'печатает…',
    upload_photo: 'отправляет фото…',
    upload_video: 'отправляет видео…',
    upload_document: 'отправляет файл…',
    upload_voice: 'отправляет голосовое…',
    record_video: 'записывает видео…',
    record_voice: 'записывает голосовое…',
    choose_sticker: 'выбирает стикер…',
    find_location: 'ищет место…',
  },
  message: 'Сообщение',
  send: 'Отправить',
  menu: 'Меню',
  commands: 'Команды бота',
  start: 'Начать',
  restartBot: 'Перезапустить',
  emptyTitle: 'Что умеет этот бот?',
  emptyText:
    'Он продаёт доступ в клуб и напоминает тем, кто ещё не оплатил. Нажмите «Начать»: сообщения те же, что увидит живой человек.',
  edited: 'изменено',
  options: 'Действия с чатом',
  block: 'Заблокировать бота',
  unblock: 'Разблокировать бота',
  refund: 'Вернуть деньги',
  payTwice: 'Оплатить счёт второй раз',
  payUnheard: 'Оплатить так, чтобы бот не узнал',
  refuseInvites: 'Telegram откажет в двух приглашениях',
  leaveClub: 'Выйти из клуба',
  askToJoin: 'Попроситься в клуб',
  unsubscribe: 'Отказаться от подписки',
  resubscribe: 'Возобновить подписку',
  memberOf: (club) => `В клубе: ${club}`,
  members: (count) => {
    const form = new Intl.PluralRules('ru').select(count);
    return `${count} ${form === 'one' ? 'участник' : form === 'few' ? 'участника' : 'участников'}`;
  },
  joinClub: 'Вступить',
  requestToJoin: 'Попроситься',
  requestSent: 'Заявка отправлена. Решает бот.',
  isMember: 'Этот человек уже в клубе.',
  passedOn: 'Открыть ссылку другого…',
  passedOnHint: 'Кто-то передал свою ссылку. Чью откроем?',
  linkOf: (name) => `Ссылка: ${name}`,
  club: 'Клуб',
  clubHint: 'Что делает владелец клуба сам, без бота.',
  standing: { in: 'в клубе', out: 'снаружи', banned: 'забанен' },
  putIn: 'Впустить',
  ban: 'Забанить',
  unban: 'Снять бан',
  botStars: 'Звёзды бота',
  withdraw: 'Вывести все',
  giveBack: 'Вернуть боту',
  history: 'Дать боту прошлое',
  historyHint:
    'В списке Telegram появятся платежи четырёх людей, сделанные ещё до этого бота, а всё, что хранил сам бот, пропадёт.',
  historyMade: 'Бот не знает о том, что уже продал',
  historyText:
    'Он запускается заново, видит в списке Telegram платежи, которых нет в его книгах, и сообщает оператору. Эта команда в терминале примет их; с --dry-run в конце она только скажет, что сделала бы.',
  grantTo: (name) => `Дать 30 дней: ${name}`,
  attach: 'Прикрепить',
  attachments: { photo: 'Фото', voice: 'Голосовое', sticker: 'Стикер', location: 'Место' },
  pay: (price) => `Заплатить ${price}`,
  checkout: 'Подтвердите покупку',
  checkoutFor: (title, bot, price) => ({ before: 'Купить ', title, middle: ' у ', bot, for: ' за ', price }),
  balance: 'Баланс',
  confirm: (price) => `Подтвердить и заплатить ${price}`,
  paying: 'Спрашиваем бота…',
  paidTitle: 'Оплачено',
  paidText: (price) => `Вы заплатили ${price}. Бот уже знает.`,
  eachMonth: (amount) => `${amount} в месяц`,
  subscribe: (price) => `Подписаться за ${price} в месяц`,
  notEnough: 'Не хватает звёзд',
  close: 'Закрыть',
  done: 'Готово',
  ok: 'OK',
  service: {
    paid: (price, bot) => `Вы перевели ${price} боту ${bot}`,
    refunded: (price, bot) => `${bot} вернул вам ${price}`,
  },
  stars: (count) => {
    const form = new Intl.PluralRules('ru').select(count);
    return `${count} ${form === 'one' ? 'звезда' : form === 'few' ? 'звезды' : 'звёзд'}`;
  },
  download: 'Скачать',
  openPhoto: 'Открыть фото',
  noBytes: 'картинка песочницы',
  people: 'Люди',
  operator: 'оператор',
  unread: 'новые сообщения',
  addPerson: 'Добавить человека',
  personName: 'Имя',
  personLanguage: 'Язык его Telegram',
  add: 'Добавить',
  beside: 'Показать два чата',
  notBeside: 'Показать один чат',
  language: 'Язык этого человека',
  theme: 'Оформление',
  themes: { auto: 'как в системе', light: 'светлое', dark: 'тёмное' },
  chat: 'Чат',
  machine: 'Машина',
  skip: 'К следующему напоминанию',
  noReminder: 'Напоминаний не ожидается',
  plus5: '+5 мин',
  plusDay: '+1 день',
  plus30Days: '+30 дней',
  kill: 'Перезапустить бота',
  killHint: 'Убивает процесс (SIGKILL) и запускает снова',
  disconnect: 'Без сети на 10 с',
  picture: 'Машина',
  pictureMissing: 'Схему не удалось загрузить.',
  fit: 'Вместить',
  zoomIn: 'Крупнее',
  zoomOut: 'Мельче',
  session: 'Сессия',
  noSession: 'Сессии ещё нет. Она начнётся с первого сообщения.',
  context: 'Контекст',
  reminders: 'Напоминания',
  noReminders: 'Ничего не ожидается.',
  steps: 'Шаги',
  noSteps: 'Здесь появится каждый шаг: событие → состояние → эффекты.',
  dueNow: 'сейчас',
  stays: 'остаётся',
  ignored: 'без ответа',
  expired: 'нет сессии',
  notes: {
    killed: 'Бот убит (SIGKILL)',
    lost: 'Всё, что бот хранил, пропало',
    started: 'Бот работает и продолжает с того же места',
    offline: 'Сеть пропала',
    online: 'Сеть вернулась',
    moved: (by) => `Часы переведены на ${by}`,
  },
  units: { day: 'д', hour: 'ч', minute: 'мин', second: 'с' },
};

export const languages = { en: 'English', ru: 'Русский' } as const;
export type Language = keyof typeof languages;

/** The page speaks the language of the person who is looked at. */
export const language = computed<Language>(() =>
  (activeUser.value?.language ?? 'en').startsWith('ru') ? 'ru' : 'en',
);
export const words = computed(() => (language.value === 'ru' ? ru : en));

/** `4:59`, `3 h 20 min`, `2 d 4 h`. */
export function duration(ms: number): string {
  const { units } = words.value;
  const seconds = Math.max(0, Math.round(ms / 1_000));
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3_600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  const join = (a: number, unit: string, b: number, next: string) =>
    `${a} ${unit}${b === 0 ? '' : ` ${b} ${next}`}`;
  if (days > 0) return join(days, units.day, hours, units.hour);
  if (hours > 0) return join(hours, units.hour, minutes, units.minute);
  return `${minutes}:${String(seconds % 60).padStart(2, '0')}`;
}

/** The same for a span that somebody chose: `5 min`, `1 d`. */
export function span(ms: number): string {
  const { units } = words.value;
  if (ms < 60_000) return `${Math.round(ms / 1_000)} ${units.second}`;
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} ${units.minute}`;
  return duration(ms);
}

/** A price as people read it: `250 ⭐`, `19,00 €`. */
export function price(amount: number, currency: string): string {
  if (currency === 'XTR') return `${amount} ⭐`;
  // Telegram's own digits; Intl counts others in a dozen currencies.
  const digits = /^(BYR|CLP|ISK|JPY|KRW|PYG|UGX|VND)$/.test(currency)
    ? 0
    : /^(BHD|IQD)$/.test(currency)
      ? 3
      : 2;
  const fixed = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  const format = new Intl.NumberFormat(language.value, { style: 'currency', currency, ...fixed });
  return format.format(amount / 10 ** digits);
}

export const clock = (at: number) =>
  new Intl.DateTimeFormat(language.value === 'ru' ? 'ru' : 'en-GB', {
    hour: '2-digit',
    minute: '2-digit',
  }).format(at);
export const clockWithSeconds = (at: number) =>
  new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(at);
/** `24 Dec, 18:30`. */
export const dateAndClock = (at: number) =>
  new Intl.DateTimeFormat(language.value === 'ru' ? 'ru' : 'en-GB', {
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
  }).format(at);
export const day = (at: number) =>
  new Intl.DateTimeFormat(language.value === 'ru' ? 'ru' : 'en', { day: 'numeric', month: 'long' }).format(
    at,
  );
export const dayKey = (at: number) => new Date(at).toDateString();

export function bytes(size: number): string {
  const units = language.value === 'ru' ? ['Б', 'КБ', 'МБ'] : ['B', 'KB', 'MB'];
  const power = size < 1_024 ? 0 : size < 1_048_576 ? 1 : 2;
  const value = size / 1_024 ** power;
  return `${new Intl.NumberFormat(language.value, { maximumFractionDigits: power === 0 ? 0 : 1 }).format(value)} ${units[power]}`;
}
