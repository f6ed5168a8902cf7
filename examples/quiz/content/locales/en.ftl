# The words of the quiz. { $score }, { $question } and { $name } may stand in every text.
welcome =
    Hello, { $name }! Ten questions, half a minute for each.
    Ready?
score = You have { points }.
right = Right! 👍
wrong = No, that was another one.
time-is-up = Time is up.
paused = Paused at question { $question }, with { points }. Come back whenever you like.
come-back = Question { $question } is waiting for you.
finished = That was the tenth: <b>{ points }</b> out of ten.
points = { $score ->
    [one] { $score } point
   *[other] { $score } points
}
button-play = Play
button-resume = Go on
button-again = From the beginning
button-stale = This button is out of date.
command-start = What this is
command-pause = Have a break
command-score = How many points there are

question-1 = <b>1.</b> Which planet is the largest?
answer-1-a = Saturn
answer-1-b = Jupiter
answer-1-c = Neptune

question-2 = <b>2.</b> How many strings has a violin?
answer-2-a = Four
answer-2-b = Five
answer-2-c = Six

question-3 = <b>3.</b> What is the capital of Canada?
answer-3-a = Toronto
answer-3-b = Montreal
answer-3-c = Ottawa

question-4 = <b>4.</b> Which metal is liquid at room temperature?
answer-4-a = Mercury
answer-4-b = Tin
answer-4-c = Lead

question-5 = <b>5.</b> Who wrote “Eugene Onegin”?
answer-5-a = Gogol
answer-5-b = Pushkin
answer-5-c = Chekhov

question-6 = <b>6.</b> How many legs has a spider?
answer-6-a = Six
answer-6-b = Eight
answer-6-c = Ten

question-7 = <b>7.</b> Which ocean is the deepest?
answer-7-a = The Pacific
answer-7-b = The Atlantic
answer-7-c = The Indian

question-8 = <b>8.</b> What does a botanist study?
answer-8-a = Stones
answer-8-b = Stars
answer-8-c = Plants

question-9 = <b>9.</b> In which year did people first land on the Moon?
answer-9-a = 1959
answer-9-b = 1969
answer-9-c = 1979

question-10 = <b>10.</b> Which gas do plants take from the air?
answer-10-a = Carbon dioxide
answer-10-b = Oxygen
answer-10-c = Helium
