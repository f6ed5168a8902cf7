# Слова викторины. Во всех текстах можно писать { $score }, { $question } и { $name }.
welcome =
    Здравствуйте, { $name }! Десять вопросов, полминуты на каждый.
    Начнём?
score = У вас { points }.
right = Верно! 👍
wrong = Нет, правильный ответ другой.
time-is-up = Время вышло.
paused = Пауза на вопросе { $question }, у вас { points }. Возвращайтесь, когда захотите.
come-back = Вас ждёт вопрос { $question }.
finished = Это был десятый вопрос: <b>{ points }</b> из десяти.
points = { $score ->
    [one] { $score } очко
    [few] { $score } очка
   *[other] { $score } очков
}
button-play = Играть
button-resume = Продолжить
button-again = Сначала
button-stale = Эта кнопка устарела.
command-start = Что это такое
command-pause = Сделать перерыв
command-score = Сколько очков

question-1 = <b>1.</b> Какая планета самая большая?
answer-1-a = Сатурн
answer-1-b = Юпитер
answer-1-c = Нептун

question-2 = <b>2.</b> Сколько струн у скрипки?
answer-2-a = Четыре
answer-2-b = Пять
answer-2-c = Шесть

question-3 = <b>3.</b> Как называется столица Канады?
answer-3-a = Торонто
answer-3-b = Монреаль
answer-3-c = Оттава

question-4 = <b>4.</b> Какой металл жидкий при комнатной температуре?
answer-4-a = Ртуть
answer-4-b = Олово
answer-4-c = Свинец

question-5 = <b>5.</b> Кто написал «Евгения Онегина»?
answer-5-a = Гоголь
answer-5-b = Пушкин
answer-5-c = Чехов

question-6 = <b>6.</b> Сколько ног у паука?
answer-6-a = Шесть
answer-6-b = Восемь
answer-6-c = Десять

question-7 = <b>7.</b> Какой океан самый глубокий?
answer-7-a = Тихий
answer-7-b = Атлантический
answer-7-c = Индийский

question-8 = <b>8.</b> Что изучает ботаник?
answer-8-a = Камни
answer-8-b = Звёзды
answer-8-c = Растения

question-9 = <b>9.</b> В каком году люди впервые высадились на Луне?
answer-9-a = 1959
answer-9-b = 1969
answer-9-c = 1979

question-10 = <b>10.</b> Какой газ растения берут из воздуха?
answer-10-a = Углекислый газ
answer-10-b = Кислород
answer-10-c = Гелий
