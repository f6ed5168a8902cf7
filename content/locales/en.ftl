# The bot's texts in English. Markup is Telegram's HTML; { $name } and the other variables are listed in messages.yaml.
# Further lines of a text begin with spaces. After a change: npx turnstile check

## Words that other texts are made of

language-name = English
# What a person without a name is called
name-unknown = friend
# A price in Telegram Stars; { $amount } is the number
stars = { $amount ->
    [one] { $amount } Star
   *[other] { $amount } Stars
}
# What access costs: once, or each month
price-plan = { $plan ->
    [monthly] { $price } a month
   *[once] { $price }
}
access-length = { $plan ->
    [monthly] month by month
   *[once] { $days ->
        [0] for good
        [one] for { $days } day
       *[other] for { $days } days
    }
}
# When access ends; { $until } is a day, or "never"
access-until = { $until ->
    [never] for good
   *[other] until { $until }
}
# When access ends, counted from now; { $left } is a time such as "36 hours", or "soon" for less than an hour
access-left = { $left ->
    [soon] in less than an hour
   *[other] in { $left }
}
# Whether there is access now
access-now = { $access ->
    [open] Access is open { access-until }.
    [blocked] Blocked: there is no way in, and nothing can be bought.
   *[none] There is no access.
}
topic-count = { $topics ->
    [one] { $topics } topic
   *[other] { $topics } topics
}

## Buttons and notices

button-access = Get access
button-pay = Pay
button-renew = Renew access
button-subscribe = Subscribe
button-club = Enter the club
button-club-again = A new link
button-forget = Yes, delete everything
button-refund = Refund { $paid }
button-refund-yes = Yes, refund
button-refund-no = No
button-count = Count it as another month
button-admit = Let in
button-answer = Answer
button-stale = This button is out of date. The latest message has everything you need.

## Commands of the menu

command-start = Start over
command-status = Where I stand
command-club = Enter the club
command-mydata = What is stored about me
command-forget = Delete my data
command-language = Language · Язык
command-terms = Terms
command-paysupport = A question about payment
command-help = Help

## The invoice

invoice-title = The First Step Club
invoice-description = Access { access-length }: { topic-count } with ready-to-use material to choose your thing, begin it, and keep going.
invoice-label = { $plan ->
    [monthly] Access to the club, each month
   *[once] Access to the club
}

## Why a payment cannot go ahead (at most 200 characters, no markup)

offer-ended = This offer has ended, and nothing was charged. Press “Get access” in the bot for a new invoice.
offer-changed = The terms have changed and this invoice is out of date. Nothing was charged; a new invoice is in the chat.
checkout-refused = Nothing can be bought from here, and nothing was charged. For a question, write /paysupport to the bot.
already-paid = You have access already, there is no need to pay again. Nothing was charged.

## At any time

something-broke = Something went wrong on our side, and this was not handled. Please try again in a while; the organiser has been told.

help =
    <b>What I can do</b>

    I open the door to the First Step Club and send you its material. The easiest way to talk to me is by the buttons under my messages.

    /start — begin, or come back to the main thing
    /status — where you stand: invoice, access, topic
    /language — change the language
    /terms — the terms
    /paysupport — a question about payment, read by a person

terms =
    <b>Terms</b>

    • You buy access to the material of the First Step Club { access-length }. Price: { price-plan }.
    • Access opens as soon as you have paid and belongs to your Telegram account.
    • The material is for you personally. Please don’t publish it.
    • Not for you, or something went wrong? Write to /paysupport. We answer for this purchase; Telegram’s own support cannot help with it.

    By paying the invoice you agree to these terms.

paysupport = I have passed this on to the organiser. The answer comes here.

language = Choose a language · Выберите язык
language-changed = Done, from now on I speak English.

mydata = This file holds everything that is stored about you.

forget-confirm =
    <b>Delete your data?</b>

    I will forget your language, your topic, your reminders and this conversation. { $access ->
        [open] Your access, which is open { access-until }, ends at once and is not paid back; a subscription is called off.
       *[none] A subscription is called off.
    } There is no way back.

    What stays is the bare list of payments that the law asks for, without your name.

    The button works for an hour.

forgotten = Done, your data is deleted. If you would like to begin anew one day: /start

## Before the offer

welcome =
    Hello, <b>{ $name }</b>!

    The First Step is a private club for people who have long wanted to begin something of their own and keep putting it off.

    Inside: { topic-count } on how to choose one thing, how to get through the first week, and how to keep going. No hundred pages of theory, just material you can act on today.

    Press the button and I will send you the invoice.

idle-help =
    I am a bot and understand buttons and commands only: I can’t read messages, listen to voice notes or open files.

    To join the club, press the button below. All commands are in /help.

status-idle = You don’t have access to the club yet. It costs { price-plan } and opens as soon as you have paid.

## The offer

offer =
    Good choice. Here is what you get, { access-length }:

    <b>One thing.</b> How to pick, out of ten ideas, the one to begin with.
    <b>The first week.</b> A plan for seven days, one small step a day.
    <b>Rhythm.</b> Three rules for the days when the spark has gone.

    Price: <b>{ price-plan }</b>. You pay in one step, right here. Terms: /terms

offer-again = Welcome back! Your offer still stands: access { access-length }, { price-plan }. Here is the invoice:

awaiting-payment-help =
    I’m afraid I can’t read this: I understand buttons and commands only.

    One step is left, and that is the invoice below. If it doesn’t work, write /paysupport and your question: a person will answer.

status-awaiting-payment = Your invoice is waiting: { price-plan }. Access opens by itself as soon as it is paid.

payment-reminder =
    <b>3 traps</b> that keep people from starting:

    1. <b>Waiting for the right moment.</b> It never comes; you set it.
    2. <b>Preparing for ever.</b> One more course is no match for a first try.
    3. <b>Going it alone.</b> Without support, most people give up.

    In the club we show the way around all three. Your invoice is ready.

second-reminder =
    { price-plan }, and the plan for your first week is yours.

    The first step takes fifteen minutes. You can take it tonight, or put it off for another year. How about tonight?

offer-expired =
    The offer has ended and its invoice is no longer valid. No harm done: whenever you are ready, press the button and I will send a new one.

## After the payment

payment-thanks =
    Thank you, <b>{ $name }</b>! Your payment has arrived and access is open { access-length }.

    Welcome to the First Step Club.

paid-again =
    You were in the club already, and now another payment has come: { $paid }.

    I have told the organiser, who will look into it and get in touch. Your access works as before.

paid-again-refunded =
    You were in the club already, and now another payment has come: { $paid }.

    It goes back to you right away. Your access works as before.

refunded-part = Your money was returned: { $paid }. The time that it paid for is taken off.

refunded-past = Your money was returned: { $paid }. It paid for a time that is over; your access stays.

refunded-extra = The extra payment was returned: { $paid }. Your access to the club stays.

refunded = Your money was returned: { $paid }. Access is closed. We would be glad to see you again.

## The club and the paid time

subscribe = Access { access-length } costs { price-plan }. Telegram renews it by itself, and you can call it off at any time in its settings.

club-invite =
    Here is your way into the club. Open the link and ask to join: I will let you in at once. The link works for you alone.

    If it does not work, ask for a new one.

invite-delayed = Your payment is safe and access is yours, but the link to the club could not be made just now. The organiser knows, and I will send it as soon as it works.

join-declined = This club is for members. Access costs { $price }; press the button and I will tell you more.

# $act is what an organiser did, or "none" after a payment
access-extended = { $act ->
    [none] Your payment has arrived.
   *[other] The organiser has given you more time.
} Access is open { access-until }.

access-shortened = Access is open { access-until }.

access-ends-soon =
    Your access to the club is open { access-until }: it ends { access-left }.

    Renew it now and no day is lost: the new time is added to what is left.

access-ends-tomorrow = Your access to the club ends { access-left } (it is open { access-until }). Renew it, and everything stays as it is.

access-over = Your access to the club has ended. Thank you for having been with us! The door is open whenever you want to come back.

subscription-failed = Telegram could not renew your subscription. Please check your Stars balance: access stays open { access-until }.

subscription-resume = You have a subscription. If you called it off, you can take it up again in Telegram: Settings → My Stars → Subscriptions.

## The choice of a topic

choose-topic = Where shall we begin? Choose a topic and I will send its material at once. You can move on to the others at any time.

topic-focus = Choose one thing
topic-week = The first week
topic-rhythm = Keep the rhythm

topic-reminder =
    Access is open; all that’s left is to choose where to begin.

    Not sure? Take “{ topic-focus }”: five questions and a quarter of an hour.

second-topic-reminder = Your material is waiting. Any topic is a good start: it matters less which step you take than that you take it.

status-paid = Access is open { access-until }. All that’s left is to choose your first topic:

paid-help =
    I can’t read this: I understand buttons and commands only. But your material is ready, just choose a topic.

    For a question to a person: /paysupport and your question.

## The materials

material-focus =
    <b>Choose one thing</b>

    Take a sheet of paper and a quarter of an hour. Write down everything you would like to begin, without sorting. Then answer for each idea:

    1. Will I still think of it in a year if I don’t start?
    2. Is there something I can do for it this very week?
    3. Is what I have enough: time, money, skills?
    4. Who besides me would be better off for it?
    5. What do I lose if it fails?

    Keep the one with the most yeses and the calmest answer to the fifth question. Don’t cross out the others: put them in an envelope and open it in a month.

    <b>Today’s step:</b> write your idea down in one sentence and show it to one person.

material-week =
    <b>The first week</b>

    Seven days, seven small steps. Print the sheet, or keep it open on your phone, and tick off what is done.

material-rhythm =
    <b>Keep the rhythm</b>

    Three rules for the days when the spark has gone. Save the cards where you will see them in the morning.

## After a topic

another-topic = There you go! When you are through, take the next topic:

choose-another-topic = Welcome back! Your topic is “{ $topic }”. Open it again or take another one:

status-topic-selected = Access is open { access-until }. Your topic right now is “{ $topic }”. You can take another one:

topic-selected-help =
    I can’t read this: I understand buttons and commands only. The material is behind the buttons below.

    For a question to a person: /paysupport and your question.

follow-up =
    How is “{ $topic }” coming along?

    If the step is taken, congratulations: that is more than yesterday. If not, take the smallest one you can right now, and then move on to the next topic.

## To the operator

operator-paysupport =
    <b>A question about payment</b>
    From: <a href="tg://user?id={ $chat }">{ $name }</a>, { $username }, id <code>{ $chat }</code>

    Payments:
    { $payments }

    Question: { $text }

operator-paid-again =
    <b>Paid twice</b>
    Who: <a href="tg://user?id={ $chat }">{ $name }</a>, { $username }, id <code>{ $chat }</code>
    Amount: { $paid }
    Charge: <code>{ $charge }</code>

    This person had access already. The money should probably go back.

operator-refunded =
    <b>Refund</b>
    To: <a href="tg://user?id={ $chat }">{ $name }</a>, id <code>{ $chat }</code>
    Amount: { $paid }
    Charge: <code>{ $charge }</code>

    If this person has no other payment, access is closed.

operator-paid-again-refunded =
    <b>Paid twice</b>
    Who: <a href="tg://user?id={ $chat }">{ $name }</a>, { $username }, id <code>{ $chat }</code>
    Amount: { $paid }
    Charge: <code>{ $charge }</code>

    This person had access already. The second payment is being refunded.

operator-found-payment =
    <b>A payment was found</b>
    Who: <a href="tg://user?id={ $chat }">{ $name }</a>, id <code>{ $chat }</code>
    Amount: { $paid }
    Charge: <code>{ $charge }</code>

    Telegram lists it, but its message never came. It is in the books now, and access is granted.

operator-invite-failed =
    <b>No link to the club</b>
    For: <a href="tg://user?id={ $chat }">id { $chat }</a>
    Reason: { $reason }

    This person has paid. Check that the bot is an administrator of the club and may invite users; it tries again by itself.

operator-removal-failed =
    <b>A member could not be removed</b>
    Who: <a href="tg://user?id={ $chat }">id { $chat }</a>
    Reason: { $reason }

    Access has ended. Check that the bot is an administrator of the club and may ban users; it tries again by itself.

operator-refund-impossible =
    <b>Not refunded</b>
    Charge: <code>{ $charge }</code>

    { $reason ->
        [provider] It was paid through a payment provider. Refund it on the provider’s own pages, then note it: npx turnstile payments refund --noted CHARGE
       *[unknown] The ledger has no such payment. Copy the charge again, from the payment’s message or from: npx turnstile payments list
    }

operator-refund-failed =
    <b>A refund did not go through yet</b>
    Charge: <code>{ $charge }</code>
    Reason: { $reason }

    It is tried again by itself. /cancel ends that.

operator-gave-up =
    <b>{ $count ->
        [one] Something could not be handled
       *[other] { $count } things could not be handled
    }</b>
    The last reason: { $reason }

    What was given up is kept: npx turnstile dead

## The operator’s own commands and buttons

refund-usage = Write the charge after the command: /refund stx… You find it in the messages about payments, or by: npx turnstile payments list
refund-confirm = Refund { $paid } to { $name }?
refund-declined = Nothing goes back.
refund-cancelled = It is not tried again.
by-hand-usage =
    <b>By hand</b>

    <code>/grant USER 30 reason</code>: access for 30 days
    <code>/grant USER forever</code>: access for good
    <code>/extend USER 7</code>: seven days more for a member; <code>-7</code> takes them back
    <code>/revoke USER reason</code>: access ends
    <code>/block USER reason</code>: no access, and nothing can be bought
    <code>/unblock USER</code>: the opposite
    <code>/member USER</code>: what there is about a person

    USER is the number in the messages about a person. A reason may be left out.
answer-usage = Press “Answer” under the question: the button knows who asked.
answer-prompt = Write your answer in one message, or send a picture, a file or a voice note; it goes to this person in the bot’s name. /cancel if there is none.
answer-sent = Delivered.
answer-unreachable = Not delivered: this person has blocked the bot, or has no account any more.
answer-failed = Not delivered. Telegram says: { $reason }
answer-cancelled = No answer was sent.

## The operator’s answer, to the person who asked

support-answer =
    <b>An answer to your question about payment</b>

    { $answer }

## Access by hand, debts, payments for something else

paysupport-prompt = Write your question in your next message; a photo or a file will do as well. A person reads it.

access-given = You have been given access { access-until }. Welcome to the First Step Club!

access-taken = Your access to the club has been ended by the organiser. For a question: /paysupport

invoice-failed = This cannot be paid just now, and it is not your doing. The organiser has been told; please try again later.

# Below the words of a message whose picture or file Telegram does not take
media-failed = A file belongs here that cannot be sent just now. The organiser has been told; ask for it by /paysupport.

access-refused = Access cannot be bought from here. For a question: /paysupport

operator-refund-begun = The refund of { $paid } is on its way. Charge: <code>{ $charge }</code>

operator-refund-waits = The refund of { $paid } is on its way already. /cancel ends it. Charge: <code>{ $charge }</code>

operator-refund-not-owed = No refund of { $paid } is on its way. Charge: <code>{ $charge }</code>

operator-refund-done = { $paid } went back already. Charge: <code>{ $charge }</code>

operator-call-off-failed =
    <b>A subscription could not be called off</b>
    Who: <a href="tg://user?id={ $chat }">id { $chat }</a>
    Charge: <code>{ $charge }</code>
    Reason: { $reason }

    It is tried again each hour. Until then Telegram may take the next payment, which would be given back.

operator-granted =
    <b>{ $act ->
        [extend] More time given
        [unblock] Unblocked
        [count] The payment counts as time
       *[grant] Access given
    }</b>
    Who: <a href="tg://user?id={ $chat }">id { $chat }</a>
    { access-now }
    By: { $by }
    Reason: { $reason }

operator-revoked =
    <b>{ $act ->
        [block] Blocked
        [extend] Time taken back
       *[revoke] Access taken away
    }</b>
    Who: <a href="tg://user?id={ $chat }">id { $chat }</a>
    By: { $by }
    Reason: { $reason }

operator-act-refused =
    <b>Nothing was changed</b>
    Who: <a href="tg://user?id={ $chat }">id { $chat }</a>

    { $reason ->
        [no_access] This person has no access. /grant gives some.
        [for_ever] This person has access for good: there is nothing to add.
        [blocked] This person is blocked. /unblock first.
        [not_blocked] This person is not blocked.
        [no_days] This person has no days that could be taken back. A subscription ends by /revoke.
       *[no_extra] This payment is no longer one too many: it counts already, or went back.
    }

operator-member =
    <b><a href="tg://user?id={ $chat }">{ $name }</a></b>, id <code>{ $chat }</code>
    { access-now }
    The club: { $place ->
        [inside] inside
        [invited] has a link
       *[none] no link was sent
    }

    { $book }

# One line of a person's book; $act says what, $reason the state of a subscription
book-line = { $act ->
    [in] paid { $paid }
    [out] { $paid } went back
    [foreign] { $paid } for something else
    [grant] { $days ->
        [0] access given { access-until }
        [one] { $days } day given
       *[other] { $days } days given
    }
    [taken] { $days ->
        [one] { $days } day taken back
       *[other] { $days } days taken back
    }
    [revoke] access taken away
    [block] blocked
    [unblock] unblocked
    [owe] is to go back
    [keep] does not go back
    [returned] refund sent
    [count] counts as time
    [subscription] subscription: { $reason }
   *[off] subscription called off
}

operator-invoice-refused =
    <b>Telegram does not take the invoice</b>
    Reason: { $reason }
    Met so far: { $count }

    Nobody can pay. Check price and currency in bot.yaml and PROVIDER_TOKEN: npx turnstile check

operator-media-refused =
    <b>Telegram does not take a picture, a video or a file</b>
    Reason: { $reason }
    Met so far: { $count }

    It was sent as a file, or as words alone. Mend the file in content/media, then: npx turnstile reload

operator-unreachable =
    <b>An operator cannot be reached</b>
    Who: id <code>{ $chat }</code>
    Reason: { $reason }
    Failed so far: { $count }

    They must write /start to the bot, and not block it.

operator-trouble-over =
    <b>{ $trouble ->
        [invites] Links to the club are made again
        [rights] The bot has its rights in the club again
        [invoice] Invoices are taken again
        [media] The picture, video or file is taken again
       *[operator] The operator can be reached again
    }</b>
    It failed { $count ->
        [one] once
       *[other] { $count } times
    }.

operator-unadopted =
    <b>Telegram lists payments that the books of this installation do not have</b>
    It is a new or a restored one of a bot that has sold before. I give and take nothing for these payments; new ones are handled as ever.

    See what would be taken over: <code>npx turnstile payments adopt --dry-run</code>
    Take it over, without a message to anybody: <code>npx turnstile payments adopt</code>

operator-foreign-payment =
    <b>A payment for something else</b>
    Who: <a href="tg://user?id={ $chat }">{ $name }</a>, id <code>{ $chat }</code>
    Amount: { $paid }
    Charge: <code>{ $charge }</code>

    Another program sold it with this bot’s token. It is noted, and gives nothing here.

cancel-usage = Write the charge after the command: /cancel stx…

## The door

invite-slow = Your access is safe. Telegram takes its time with the link to the club; I will send it as soon as it is there.

club-barred = You have access, but an administrator of the club has banned you there. The organiser has been told and will decide.

club-inside = You are in the club already.

stranger-removed = This club is for members, so you have been taken out of it. Access costs { price-plan }; write /start and I will tell you more.

operator-invite-slow =
    <b>Links to the club are five minutes late</b>
    People who wait: { $count }

    Telegram asks the bot to make links more slowly. They know, and get theirs as soon as it can be made.

operator-barred =
    <b>Paid, and banned from the club</b>
    Who: <a href="tg://user?id={ $chat }">{ $name }</a>, id <code>{ $chat }</code>

    Banned by: { $by }

    An administrator of the club has banned this person. Let them in, or give the money back: npx turnstile chat { $chat }

operator-member-is-admin =
    <b>Access has ended, and the person stays in the club</b>
    Who: <a href="tg://user?id={ $chat }">id { $chat }</a>

    This is an owner or administrator there, whom a bot cannot remove.

operator-rights-lost =
    <b>The bot lacks rights in the club</b>
    Reason: { $reason }
    Met so far: { $count }

    Make it an administrator there who may invite and ban users. What waits is done then by itself.

operator-strangers =
    <b>Came into the club without access: { $count }</b>
    Taken out again: { $removed }

    { $people }

    What becomes of them is decided by club.strangers in content/bot.yaml; who may stay is named in club.whitelist.

operator-club-found =
    <b>The bot is an administrator of “{ $text }”</b>
    Its id: <code>{ $club }</code>

    To make it the club, write into content/bot.yaml, below club: chat_id: { $club }

operator-club-moved =
    <b>The club has become a supergroup</b>
    Its id now: <code>{ $club }</code>

    The bot goes on with it. Please write it into content/bot.yaml: chat_id: { $club }

operator-club-opened =
    <b>{ $count ->
        [one] { $count } person has access and no link to the club
       *[other] { $count } people have access and no link to the club
    }</b>

    Each gets one by /club. To send it to all of them: npx turnstile door audit --invite
