# What the bot says in English. Short and kind; a buyer never sees the word "error".

## Buyer: the form

welcome =
    Hello! { $count ->
        [1] One quick question
        [2] Two quick questions
        [3] Three quick questions
        [4] Four quick questions
        [5] Five quick questions
        [6] Six quick questions
       *[other] { $count } quick questions
    } about the car you want, { $count ->
        [1] one minute
        [2] one minute
        [3] one minute
        [4] one minute
       *[other] a couple of minutes
    }.
resume = You are already filling in a request; let's go on where you stopped. Or start over:
how-to-begin = To leave a request, press /start
ask-consent =
    To pass your request on to a manager we need your consent to process personal data.
    Privacy policy: { $url }
consent-first = Please press the consent button under this message first.
ask-consent-to =
    To pass your request on to a manager we need your consent to process personal data.

    You can read it under the button "{ $document }". Withdraw it at any time with the command /delete.
held-till-consent = I've got your message and you won't have to repeat it: press the consent button and we'll go on.
consent-changed = The text of the consent has been updated, so we are asking once more. If you have answered anything already, it is kept.
consent-before-going-on = Before we go on, we need your consent: we now ask everybody for it. All that you have answered is kept.
consent-declined = All right. We can't take a request without consent, and everything you have just written is deleted. If you change your mind, press /start
consent-document = Consent to the processing of personal data
ask-name = What is your name?
ask-phone = Your phone number? Press the button below or type it, with the country code: +7 999 123-45-67
ask-budget = What is your budget? For example: 2.5m. If you have not decided yet, write "don't know".
ask-car-link = Send a link to the car, for example from encar.com. No link? Press "Skip".
card =
    Please check your request:

    { $answers }{ $wish }

    All right? Press "Send" or choose what to change.
card-wish = 📝 Wishes: { $value }
card-files = 📎 Files: { $count }
copy-wish = Wishes: { $value }
label-name = Name
label-phone = Phone
label-budget = Budget
label-car-link = Car
choice-budget-small = up to 1.5m
choice-budget-middle = up to 2.5m
choice-budget-large = up to 4m
choice-budget-unknown = don't know
skipped = not given
budget-understood = { $budget } ({ $price } ₽)
no-car-link = to be discussed with the manager
phone-taken = Phone noted: { $phone }
left-as-it-was = All right, the phone stays as it was.
goes-on = All right.
progress = Question { $at } of { $of }
kept-answer = Your answer so far: { $value }
first-question = This is the first question, there is nothing before it. If you have changed your mind, press "Cancel".
not-a-number = One number in digits is needed here, for example: 2021 or 120 000.
not-a-day = I can't read this as a date. Please write it like this: 25.12.2026. Words will do, too: tomorrow, on Saturday evening, in a week, at the end of the month.
day-is-over = { $day } is over. If it is right, write this date once more; if not, write another one.
day-taken = Noted the date: { $day }. If you meant another one, you can change it at the end, before sending.
files-not-yet = Send photos or documents, and press "Done" when that is all.
files-needed = This request needs at least one file: send a photo or a document, then press “Done”.
cannot-skip = This question can't be skipped. Please answer it, even briefly.
not-a-sum = I can't see a sum here. Write, for example: 2.5m. If you haven't decided yet, write “don't know”.
no-such-day = There is no such day in the calendar: { $day }. Please check the day and the month.
budget-in-doubt =
    I've noted “{ $budget }”, but in roubles that is little for a car. If it is another currency or a larger sum, write, for example: “30k dollars” or “3m roubles”. If it is right, just go on.
answers-changed =
    Changed in your request:
    { $changes }
budget-stays = The budget in your request is still { $budget }. If it has changed, write: “budget { $other }”.

name-too-long = That is rather long for a name. Please keep it to 100 characters.
name-unreadable = I could not read the name. Please write it in ordinary letters.
name-greeting = Hello! Let us get to know each other.
not-a-name = This does not look like a name. Tell me what to call you, for example: John. If that really is your name, write “My name is …”.
noted-name = 👤 Noted the name: { $value }
noted-phone = 📞 Noted the phone: { $value }
noted-budget = 💰 Noted the amount: { $value }
noted-sum = 💰 Noted the amount. { $label }: { $value }
noted-car-link = 🚗 Noted the car: { $value }
noted-wish = 📝 I will pass on to the manager: { $value }
noted-can-be-changed = You can change this before sending.
repeated = The same message has come already, it is not needed twice.
phone-is-no-budget = This is a phone, not an amount. The request has { $phone }, you can change it before sending.
link-is-no-budget = This is a link, not an amount.
why-phone = The phone is how the manager gets back to you: a request can't be sent without it. If you would rather be written to, just say so, I'll pass it on to the manager.
no-phone-found = I can't find a phone number in this message.
phone-invalid = The number seems to have too few or too many digits. Please send it whole, with the country code: +82 10-1234-5678
budget-unreadable = Please write the budget in up to 200 characters.
answer-unreadable = I could not read that. Please write it in plain letters.
answer-too-long = That is rather long. Please keep it to { $longest } characters.
choose-one = Please press one of the buttons under the question, or write what it says.
no-link-found = I can't find a link in this message. Send it, or write which car you would like.
wish-taken = Noted, I'll pass it on to the manager. If you have a link, send it.
link-too-long = The link is too long. Please send a shorter address of the car's page.
contact-not-now = A contact is not needed now.
use-buttons = All that's left is to press “Send” 👇
old-button = This button belongs to an earlier message.
old-button-of-sent = This button is from an earlier message: request #{ $number } has been sent.
edited-message = I can't see edits of messages already sent. Any answer can be changed at the end, before sending.
edited-elsewhere = I can't see edits of messages already sent. Please send the corrected text as a new message.
only-text = I understand only text, photos, documents and buttons.
photos-kept = 📎 { $count ->
    [one] Added { $count } photo.
   *[other] Added { $count } photos.
}
files-kept = 📎 { $count ->
    [one] Added { $count } file.
   *[other] Added { $count } files.
}
files-in-all = { $count } files in all.
too-many-files = A request takes up to { $most } files, I have not kept the others. You can show them to the manager later.
file-too-large = This file is larger than { $megabytes } MB, I can't get it. Please send a smaller one, or a link to it.
files-dropped = All files are removed.
unknown-command = I do not know this command. There are /start, /my, /cancel, /language, /delete and /help.
ask-delete =
    Delete your data and withdraw your consent to their processing?

    The bot will wipe your name, phone, answers, links and files, the form you have begun and what it keeps of this chat. A request that a manager has not received yet will not be passed on.

    The numbers of your requests stay, the fact that the data were deleted and, if you gave your consent, the proof of it: the text you were shown, its version and the time – without your name, phone or account, of which only a checksum stays. If a manager already has your request, we will tell him so: the dealer deletes your data there.

    Only you can delete the messages in this chat, in Telegram itself.
deleting = All right, deleting.
nothing-deleted = Nothing was deleted, everything is as it was.
data-deleted = Your data are deleted and your consent is withdrawn.
data-deleted-at-the-dealer = { $count ->
        [one] The dealer has request { $numbers } already. We have told him that your consent is withdrawn: his own records are his to delete.
       *[other] The dealer has requests { $numbers } already. We have told him that your consent is withdrawn: his own records are his to delete.
    }
data-deleted-not-sent = { $count ->
        [one] Request { $numbers } had not been passed on, and nobody will get it now.
       *[other] Requests { $numbers } had not been passed on, and nobody will get them now.
    }
data-deleted-welcome = If you want to leave a request again, press /start
ask-cancel = Cancel the request? Nothing will be sent. If not, press “Go on”.
what-to-correct = What should be changed? Press a button or write the new answer, for example: “budget 3 mln”.
cancelled = The request is cancelled, nothing was sent. To begin a new one, press /start
cancelled-late = The request is cancelled. The manager has some of your answers already; I will pass on that you no longer need it. To begin a new one, press /start
nothing-to-cancel = There is nothing to cancel. To leave a request, press /start
already-sent = Your request #{ $number } is already with the manager, who will contact you. To leave another one, press /start
sent-not-there-yet = Your request #{ $number } is saved and will be with the manager soon, who will contact you. To send another one, press /start
sent-too-many = You have sent several requests already, and all of them are taken. This one can be sent a little later: in { $wait }, after { $at }. Everything you have filled in is kept – just press “Send” then.
my-requests = Your requests:
my-request =
    #{ $number }, { $at }: { $state }
    🚗 { $car }
my-request-alone = #{ $number } of { $at }: { $state }
my-state-on-its-way = on its way to the manager
my-state-with-the-manager = with the manager
my-state-taken-back = withdrawn by you
my-state-closed = closed by the dealership
ask-wish = What should the manager know? Write your wishes in full: they replace the earlier ones.
choose-by-button = I am not sure what to correct. Press the button of the answer, or write the new phone, budget or link.
new-phone = I see the number: { $phone }
label-wish = Wishes
button-do-not-correct = Leave it as it is
my-state-won = completed
my-state-lost = closed. If you still need a car, send a new request: /start
choose-correction =
    Request #{ $number } says:

    { $answers }

    What would you like to correct?
correcting = Correcting request #{ $number }.
confirm-correction =
    Request #{ $number }. Correct it like this?

    { $changes }
correction = { $label }: { $before } → { $after }
corrected = Done, request #{ $number } is corrected. The manager will see both the new answer and the old one.
ask-take-back = Withdraw request #{ $number }? The manager will see that you don't need it any more and won't call about it.
taken-back = Request #{ $number } is withdrawn, and the manager will see that. If you change your mind, send a new one: /start
request-as-it-was = Request #{ $number } stays as it was.
request-too-late = Request #{ $number } was sent more than an hour ago and a manager is already working on it: to correct or withdraw it, just tell them. They will be in touch.
request-taken-back-before = Request #{ $number } has been withdrawn already. If you've changed your mind, send a new one: /start
request-closed = Request #{ $number } was closed by the dealership and can't be corrected any more. If you still need it, send a new one: /start
button-correct = ✏️ Correct #{ $number }
button-take-back = 🗑 Withdraw #{ $number }
button-save-correction = ✅ Correct it
button-leave-as-is = Leave it as it was
button-take-back-sure = 🗑 Withdraw #{ $number }
button-do-not-take-back = Don't withdraw
no-requests = You have no requests yet. Press the button to leave your first one.
passed-on = I've passed it on to the manager. If you want one more car, press the button.
passed-on-later = Saved, I will pass it on to the manager. If you want one more car, press the button.
too-much-said = That is a lot of messages about request #{ $number } for one day, so I'm not taking down any more today. The manager sees everything from before and will contact you.
unfinished =
    You started a car request and haven't finished it. Noted so far:

    { $answers }

    Shall we go on?
unfinished-empty = You started a car request and haven't finished it. Shall we go on? It takes a minute.
many-messages = I see all your messages and take them one by one. Nothing is lost.
help =
    I take requests for cars: name, phone, budget and a link. A manager will contact you.

    /start – leave a request or go on with one
    /my – my requests: where they are, correct, withdraw
    /cancel – cancel the request
    /language – choose a language
    /delete – delete my data
    /help – this text
group = I take requests in private messages: write to me @{ $bot }
group-unnamed = I take requests in private messages: open my profile and write to me
language-name = English
language-ask = Choose a language:
language-chosen = All right, I'll speak English from now on.
set-aside = I could not handle this message. It is kept and we will look at it. Please try other words or press /start

## Buyer: what became of the request

accepted = ✅ We've got your request #{ $number }! The manager will contact you.
saved = Request #{ $number } is safely saved and will be with the manager soon. You don't need to do anything.
delivered = ✅ Request #{ $number } has been passed on to a manager, who will contact you.
status-reached =
    News about your request #{ $number }:

    { $text }

## Buttons

button-consent = ✅ I give my consent
button-consent-document = 📄 Text of the consent
button-policy = 🔒 Privacy policy
button-share-contact = 📱 Share my number
button-skip = Skip
button-back = ← Back
button-keep-answer = Keep as it is
button-done = Done
button-edit = Change: { $label }
button-cancel = Cancel
button-drop-wish = 🗑 Remove wishes
button-drop-files = 🗑 Remove files
button-submit = ✅ Send
button-same-name = Name: { $value }
button-same-phone = Same number: { $value }
button-copy-number = 📋 Copy the number
button-edit-name = Change name
button-edit-phone = Change phone
button-edit-budget = Change budget
button-edit-car-link = Change link
button-delete = Delete my data
button-restart = Start over
button-another = New request

## Commands in the menu

command-start = Leave a request
command-my = My requests
command-cancel = Cancel the request
command-language = Choose a language
command-delete = Delete my data
command-help = Help
command-status = How the bot is doing
command-leads = Leads that are not in amoCRM yet
command-retry = Send waiting leads now
command-stats = What came of requests: figures
command-auth = Renew access to amoCRM
command-backup = Get the file with leads
command-forget = Delete a person's data
command-new_leads = Tell of new requests

## Admin: alerts

admin-waiting =
    { $count ->
        [0] No leads are waiting.
        [one] { $count } lead is waiting.
       *[other] { $count } leads are waiting.
    }
admin-outage-opened =
    ⚠️ Leads aren't reaching amoCRM.
    What happened: { $trouble }
    { $waiting } None is lost: all are saved, and buyers were told that their request is taken.
    What to do: { $advice }
    As soon as it works again the bot will send everything by itself and write here.
admin-outage-changed =
    ⚠️ Leads still aren't reaching amoCRM, but for another reason now.
    What happened: { $trouble }
    { $waiting }
    What to do: { $advice }
admin-outage-goes-on =
    ⚠️ Leads still aren't reaching amoCRM, for { $lasted } now.
    What happened: { $trouble }
    { $waiting } The first has waited for { $oldest }.
    What to do: { $advice }
admin-outage-over =
    ✅ amoCRM takes leads again.
    { $delivered ->
        [0] There were no leads in the meantime.
        [one] { $delivered } lead was passed on, it waited for { $oldest }.
       *[other] { $delivered } leads were passed on, the first waited for { $oldest }.
    }
    The outage lasted { $lasted }.
admin-outage-rejected =
    { $count ->
        [one] { $count } more lead is refused by amoCRM because of its data: /leads
       *[other] { $count } more leads are refused by amoCRM because of their data: /leads
    }
admin-rejected =
    ⚠️ amoCRM refuses lead #{ $number } because of its data.
    amoCRM's answer: { $error }
    The lead is saved. If it is about the settings of fields or pipelines, fix them and press "Send again". If the lead is not needed, open it and delete it.
admin-stuck =
    ⚠️ Lead #{ $number } does not get through to amoCRM: it answers, but does not take this lead.
    What amoCRM answers: { $error }
    The lead is saved, the bot keeps trying it by itself, less and less often. What can be done: open the lead, enter it in amoCRM by hand and delete it here, or press "Send again".
admin-unreadable-leads =
    { $count ->
        [one] ⚠️ The record of one lead in the bot's store is damaged; the bot cannot read or send it: { $list }
       *[other] ⚠️ The records of { $count } leads in the bot's store are damaged; the bot cannot read or send them: { $list }
    }
    Nothing is deleted, and no other lead waits because of it. Open the lead: it shows all that is known. Call the buyer, enter the lead in amoCRM by hand and delete it here. Tell whoever installed the bot, too.
admin-unreadable-messages =
    ⚠️ A message of the bot that has not been sent yet is damaged in the store. It is kept, the next ones are sent. Chat: { $list }
admin-goes-on-without =
    ℹ️ Leads get through, but amoCRM does not take all that the settings ask for:
    { $list }
    What to do: restore it in amoCRM, or ask who installed the bot to correct the setting. The bot keeps checking and tells when it works again.
admin-taken-again =
    ✅ This no longer stands in the way of leads:
    { $list }
shortage-pipeline = there is no pipeline { $which } (AMOCRM_PIPELINE_ID): leads go to the main pipeline, first stage
shortage-status = there is no stage { $which } (AMOCRM_STATUS_ID): leads go to the pipeline's first stage
shortage-responsible = there is no user { $which } (AMOCRM_RESPONSIBLE_USER_ID): the user that the bot works as is responsible
shortage-budget-field = the budget field { $which } is not taken (AMOCRM_BUDGET_FIELD_ID): the note has the budget
shortage-car-link-field = the link field { $which } is not taken (AMOCRM_CAR_LINK_FIELD_ID): the note has the link
shortage-answer-field = the field for an answer { $which } is not taken: the note has the answer
shortage-unknown-field = amoCRM has no such field or option ({ $which }): the note has the answer
shortage-utm-field = amoCRM has no field for the UTM mark { $which }, or it takes no values: the note has the mark
shortage-source-tag = the tag of a source "{ $which }" is not taken (dealer.toml): leads go without it
shortage-mapped-status = amoCRM has no stage { $which } (dealer.toml, [[status]]): buyers will not hear of it
shortage-tag = the tag "{ $which }" is not taken (AMOCRM_TAGS): leads go without it
shortage-phone-kind = the kind "work" of a phone is not taken: a contact's phone goes without a kind
shortage-notes = there is no right to write notes: leads and contacts are made, the notes wait
shortage-unexplained = amoCRM refuses without a reason and takes leads only without some of their fields: the lead and the contact with its phone are made, the note has the rest
shortage-name-pipeline = pipeline { $which }
shortage-name-status = stage { $which }
shortage-name-responsible = responsible user { $which }
shortage-name-budget-field = budget field { $which }
shortage-name-car-link-field = link field { $which }
shortage-name-answer-field = field for an answer { $which }
shortage-name-unknown-field = field for an answer { $which }
shortage-name-utm-field = UTM mark { $which }
shortage-name-source-tag = tag of a source "{ $which }"
shortage-name-mapped-status = stage { $which } of [[status]]
shortage-name-tag = tag "{ $which }"
shortage-name-phone-kind = the kind "work" of a phone
shortage-name-unexplained = fields that amoCRM does not take, without a reason
shortage-name-notes = notes of leads
admin-status-without =
    {""}
    Not taken of the settings: { $list }
admin-limit-reached =
    ℹ️ One person ({ $who }) has sent as many requests as are allowed: { $hour } an hour, { $day } a day. The next one was not sent: the form is kept and can be sent from { $at } on. You will not be told of this person again today.
    What to do: nothing if this is an earnest buyer, who will send it later; if it is rubbish, delete the needless leads in amoCRM. The numbers are LEADS_PER_HOUR and LEADS_PER_DAY, to be changed by whoever installed the bot.
admin-flood =
    ⚠️ Far more requests than usual: { $leads } within the last hour, from { $people } people.
    All of them are taken and stand in line for amoCRM: one of each person first, so that earnest buyers do not wait behind others.
    What to do: nothing if this is your advertising. If they look like rubbish: delete what is not sent yet (/leads), ask whoever installed the bot to lower LEADS_PER_HOUR and LEADS_PER_DAY for a while, and report such users to Telegram.
admin-flood-goes-on = ⚠️ Still far more requests than usual: { $leads } within the last hour, from { $people } people. What can be done is written above.
admin-flood-over = ✅ Requests come as usual again. The flood lasted { $lasted }, { $leads } came meanwhile.
admin-copies = 📋 Leads that wait for amoCRM (a copy, just in case):
label-source = Source: { $source }
copy-unfinished = { $number } (not finished)
copy-left-open = No answer to: { $left }
admin-copy =
    #{ $number }: { $name }, { $phone }{ $answers }{ $wish }
admin-no-crm = ℹ️ The bot is running. amoCRM is still to be connected: ask whoever installed the bot to fill in the AMOCRM_… settings. Until then the bot runs without amoCRM settings: leads are collected, saved and copied here.
admin-first-access = ℹ️ The bot is running. amoCRM is still to be connected: { $advice } Until then requests are taken and saved, none is lost.
admin-ephemeral-disk = ⚠️ The bot runs on Heroku without a database: the disk there is wiped every day. Open forms and the history will be gone, and waiting leads will remain only as copies in this chat. Add PostgreSQL (DATABASE_URL).
admin-store-trouble =
    ⚠️ The bot cannot save requests right now.
    Buyers' messages wait at Telegram (up to a day), nothing is lost. As soon as it can, the bot goes on by itself.
    What to do: show this message to whoever installed the bot, the disk or the database has to be checked ({ $detail }).
admin-store-works = ✅ The bot saves requests again and answers buyers.
admin-copies-fail =
    ⚠️ No spare copy of the bot's store was made: { $trouble }
    Requests are not harmed, but should anything happen to the disk, there is nothing new to restore from. The last good copy: { $newest }.
    What to do: { $advice } Show this message to whoever installed the bot ({ $detail }). The bot will write when copies are made again.
admin-copies-work = ✅ Spare copies of the bot's store are made again.
copies-none = none yet
copies-trouble =
    { $trouble ->
        [disk_full] the disk is full.
        [folder] the folder for copies cannot be written.
        [store] the store could not be read.
        [incomplete] not all of it was copied.
        [old_stay] the new one was made, but old ones cannot be deleted and will fill the disk.
       *[missed] nobody has made one for long.
    }
copies-advice =
    { $trouble ->
        [disk_full] free some of the disk.
        [folder] check the folder for copies: whether it is there, and whose it is.
        [store] check the database and its address.
        [incomplete] make a copy once more, and check the database.
        [old_stay] check whose the folder for copies is.
       *[missed] check that backup-store is run every night (amocrm-lead-bot-backup.timer, or cron).
    }
admin-status-copies =
    {""}
    Spare copy of the store: { $when }
admin-status-copies-fail =
    {""}
    ⚠️ No spare copies of the store are made: { $trouble } The last one: { $when }
admin-second-instance = ⚠️ A second copy of the bot with the same token is running. Now one, now the other answers buyers. Ask whoever installed the bot to stop one of them.
admin-group-moved =
    ℹ️ This group has become a supergroup and has a new id. The bot has remembered it, everything goes on working. Ask whoever installed the bot to put { $setting } into the settings some day.
admin-polls-fail =
    ⚠️ What buyers write has not reached the bot for { $lasted }.
    What happened: { $trouble }
    { $leads ->
        [delivered] Requests that were taken are saved and get into amoCRM;
        [waiting] Requests that were taken are saved and wait: amoCRM takes none at the moment either;
       *[saved] Requests that were taken are saved;
    } new messages wait at Telegram, up to a day.
    What to do: { $advice }
    The bot writes when it works again.
admin-polls-still =
    ⚠️ What buyers write still does not reach the bot, for { $lasted } now.
    What happened: { $trouble }
    What to do: { $advice }
polls-trouble =
    { $trouble ->
        [no_connection] there is no connection to Telegram.
        [no_answer] Telegram does not answer: there is a connection and nothing comes back.
        [not_telegrams] somebody else answers in Telegram's place: a proxy, a provider, or a page about a fault.
        [servers_fault] a fault of Telegram's servers, or of your own Bot API server.
        [throttled] Telegram asks to wait: too many requests.
        [token_refused] Telegram does not accept the bot's token: it was revoked or replaced.
        [second_instance] a second copy of the bot with the same token is running, and now one, now the other answers buyers.
        [webhook] another program with the same token takes the messages (a webhook).
       *[refused] Telegram refuses the bot.
    }
polls-advice =
    { $trouble ->
        [no_connection] ask whoever installed the bot to check the server's network and the proxy (TELEGRAM_PROXY), and better to add a spare one.
        [no_answer] ask whoever installed the bot to check the proxy (TELEGRAM_PROXY) and to add a spare one: this is what throttling looks like.
        [not_telegrams] ask whoever installed the bot to check the proxy (is it paid for?) and the address in TELEGRAM_API_URL.
        [servers_fault] this mostly passes by itself; if you have a Bot API server of your own, have it checked.
        [throttled] nothing, it passes by itself. If it comes again, show this to whoever installed the bot.
        [token_refused] open @BotFather: /mybots → your bot → API Token, and give the token to whoever installed the bot (BOT_TOKEN).
        [second_instance] ask whoever installed the bot to stop one of them. If you have not started it, the token may be in other hands: replace it in @BotFather.
        [webhook] ask whoever installed the bot to switch the other program off, or replace the token in @BotFather.
       *[refused] show this message to whoever installed the bot.
    }
admin-polls-work =
    ✅ What buyers write reaches the bot again.
    It did not from { $since } to { $until } ({ $lasted }). The bot now goes through what was written meanwhile.
admin-polls-elsewhere =
    While Telegram took nothing, this went by the second way (mail or webhook):
    { $list }
admin-told-elsewhere =
    ℹ️ Telegram did not take the bot's messages, and this went by the second way (mail or webhook):
    { $list }
    How things are now is shown by /status.
admin-test-alert = 🔔 This is a test: the bot's alerts come here.
admin-backup-unreadable = ⚠️ The file backup_leads.json could not be read. It was moved aside as { $name }, nothing in it was deleted. Ask whoever installed the bot to fix it and put it back within 30 days: it is deleted then.
admin-backup-skipped =
    ⚠️ The file backup_leads.json holds entries that could not be understood: { $count }. The file was kept as { $name } for 30 days.
admin-backup-imported =
    { $count ->
        [one] ℹ️ { $count } lead was imported from backup_leads.json.
       *[other] ℹ️ { $count } leads were imported from backup_leads.json.
    }
admin-set-aside = ⚠️ One message of a buyer could not be handled (number { $id }). It is kept in the database and the buyer was answered. Please tell the developer.
admin-token-expiring-long = ⚠️ The access token of amoCRM works until { $date } ({ $left } left). Make a new one: integrations → yours → "Keys and scopes" → long-lived token, and give it to whoever installed the bot.
admin-token-expiring = ⚠️ Access to amoCRM works until { $date } ({ $left } left). Press the button to renew it.
admin-refresh-failing =
    ⚠️ Access to amoCRM cannot be renewed ahead of time.
    What happened: { $trouble }
    Leads still get through, but access ends { $until }.
    What to do: { $advice }
admin-soon = soon
admin-access-lost =
    ⚠️ The bot has no access to amoCRM.
    What happened: { $trouble }
    New leads are taken and kept, but do not get into amoCRM until there is access.
    What to do: { $advice }
admin-tokens-renewed =
    ✅ Access to amoCRM is renewed. { $waiting }
# Under a buyer's file that does not get into amoCRM.
admin-file = 📎 Request #{ $number }: { $name }
# In place of such a file, where Telegram has it no more.
admin-file-refused = 📎 Request #{ $number }: Telegram no longer has the file { $name }. Ask the buyer to send it again.
admin-file-lost = ⚠️ Request #{ $number }: the file { $name } could not be had, Telegram no longer has it. The request itself is in amoCRM. Ask the buyer to send the file again.
# Why the page with the document of consent can't be opened.
document-trouble =
    { $trouble ->
        [no_connection] there is no connection with the server, or its certificate does not fit
        [no_answer] the server does not answer, or its answer breaks off
        [proxy] the proxy server does not accept the bot's name and password
        [moved] the address points to another page, set that one's address
        [gone] there is no such page
        [refused] the server answers with error { $status }
        [empty] the page is empty
       *[too_large] the page is larger than { $most } MB
    }
admin-consent-document-missing =
    ⚠️ The document that buyers consent to can't be opened: { $address }
    The reason: { $detail }

    Requests are taken, but buyers can't read the document, and the proof of their consent has no fingerprint of it. Bring the document back to this address, or put it as a file beside dealer.toml. The bot tries by itself, once an hour at least.
admin-managers-chat-closed =
    ⚠️ The managers' chat takes no messages from the bot: { $detail }
    Requests get into amoCRM as always. What is meant for managers is saved and comes there as soon as the chat is open.
    What to do: add the bot to the group again and let it write. If the group is gone, ask whoever installed the bot to put another one into MANAGERS_CHAT_ID.
admin-managers-chat-works =
    ✅ The managers' chat takes messages again (it did not for { $lasted }). What has waited goes there.
admin-topics-forbidden =
    ℹ️ The managers' group has topics, but the bot may not create any: { $detail }
    Until then everything comes into "General", where buyers are answered by replies.
    What to do: open the group, Manage Group → Administrators → the bot, and switch on "Manage Topics". Then each buyer gets a topic.
admin-files-come-here =
    📎 Buyers' photos and documents do not get into amoCRM: { $detail }
    Leads go through as always, and I will send the files here; the note under the lead names them.
    What to do: switch on "Access to files" in the integration's settings and give the bot access again: /auth

trouble-tokens-expired = access to amoCRM has expired.
trouble-tokens-revoked = access to amoCRM was revoked: it was given again elsewhere, a password changed or the integration was switched off.
trouble-no-tokens = access to amoCRM was never given, or it is gone.
trouble-wrong-client = amoCRM does not know the integration: wrong id or secret key.
trouble-wrong-redirect = the redirect address differs between the bot and the integration's settings.
trouble-wrong-account = access was given for another amoCRM account.
trouble-integration-off = the integration in amoCRM is switched off or deleted.
trouble-moved = your account's address has changed to { $host }.
trouble-not-paid = the amoCRM account is not paid for.
trouble-no-rights = the user on whose behalf the bot works lacks rights.
trouble-blocked = amoCRM has blocked the server's address or the account for outside programs.
trouble-account-cannot = no leads can be added in this amoCRM account now: the subscription is over, or the user has no right to. amoCRM's answer: "{ $words }".
trouble-refuses = amoCRM refuses every lead, it is not about their data. amoCRM's answer: "{ $words }".
trouble-throttled = amoCRM asks for fewer requests.
trouble-unreachable = amoCRM does not answer or has a fault.
trouble-wrong-address = there is no amoCRM account at the given address.
trouble-not-configured = the bot runs without amoCRM settings.

advice-authorize = press "Renew access" and allow it in amoCRM, two minutes from a phone.
advice-long-lived = make a new long-lived token in amoCRM (integrations → yours → "Keys and scopes") and give it to whoever installed the bot.
advice-operator = show this message to whoever installed the bot: the AMOCRM_… settings have to be fixed.
advice-wrong-client = open the integration in amoCRM, tab "Keys and scopes", and give its id and secret key to whoever installed the bot.
advice-wrong-redirect = open the integration in amoCRM and make its redirect address exactly what whoever installed the bot tells you (AMOCRM_REDIRECT_URL), letter for letter. Then press the button under the message of the bot.
advice-integration-on = open the integrations in amoCRM, switch yours on and press "Renew access".
advice-moved = give the new address to whoever installed the bot (AMOCRM_SUBDOMAIN).
advice-pay = pay for amoCRM: the bot will notice within a minute.
advice-rights = give this user the rights to create leads and contacts in amoCRM, or renew access as an administrator.
advice-blocked = write to amoCRM's support, name your account's address and ask to lift the block for outside requests.
advice-account = check the payment and the plan in amoCRM, and give the user that the bot works as the right to add leads and contacts. The bot notices it within a minute.
advice-refuses = check the pipeline, its stages, required fields and the plan in amoCRM; if all is well there, forward the answer to amoCRM's support. The bot keeps trying by itself.
advice-wait = nothing, the bot keeps trying by itself.

## Admin: commands

button-auth = 🔑 Renew access
button-auth-open = Open amoCRM
button-retry = 🔁 Send now
button-status = ℹ️ Status
button-leads = 📋 Leads
button-lead-show = #{ $number }
button-lead-retry = 🔁 Send again
button-lead-discard = 🗑 Delete
button-lead-discard-sure = ❗ Really delete #{ $number }
button-keep = Do not delete
button-new-leads-on = 🔔 Tell of new requests
button-new-leads-off = 🔕 Do not tell
button-go-on = Go on
button-fill-in = Fill in a request
button-forget = ❗ Delete the data
button-forget-all = ❗ Delete the data and the undelivered requests

admin-help = You are this bot's admin.
admin-help-status = is everything working
admin-help-leads = leads that are not in amoCRM yet
admin-help-retry = send them now
admin-help-stats = what came of requests: a picture and figures of 7 days; /stats 30d for 30; every Monday by itself, /stats off for not
admin-help-auth = renew access to amoCRM
admin-help-backup = the file with undelivered leads
admin-help-forget = delete a person's data at their request
admin-help-new_leads = whether to tell of each new request
admin-help-start = this text and a button to fill in a request
admin-help-my = your own requests, if you have left any
admin-help-language = choose the bot's language
admin-help-delete = delete the data that you have left in this chat yourself
admin-help-cancel = cancel the request you are filling in
admin-help-help = this text
admin-if-throttled =
    When Telegram is throttled the bot is silent and buyers get no answer. Requests that were taken are saved and get into amoCRM, new messages wait at Telegram for up to a day.
    What to do: try Telegram over another connection; ask whoever installed the bot to run test-alerts and to add a spare way (TELEGRAM_PROXY) and alerts by mail (ALERT_EMAIL). If it lasts for hours, give buyers a phone number. The bot writes when the connection is back.
admin-stray =
    I did not get that. This is what I can do:
    { $commands }
admin-status =
    { $health ->
        [good] ✅ Everything works.
        [waiting] 🕓 Everything works, leads are being sent.
        [rejected] ⚠️ amoCRM works but does not take all leads: /leads
        [unreadable] ⚠️ amoCRM works but not all leads in the bot's store can be read: /leads
       *[bad] ⚠️ Leads aren't reaching amoCRM.
    }

    amoCRM: { $crm }
    Waiting: { $waiting }{ $oldest }
    Refused by amoCRM: { $rejected }
    Delivered in the last day: { $delivered }
    Last delivery: { $last }{ $unreadable }{ $without }{ $copies }
    Access to amoCRM: { $tokens }
    Version: { $version }
admin-status-unreadable =
    {""}
    Damaged in the bot's store: { $count } (see /leads)
admin-status-oldest = {""}, the first has waited for { $age }
admin-ago = { $age } ago
admin-never = none yet
crm-works = answers
tokens-pair = there is, renews itself (next by { $date })
tokens-long-lived = long-lived token until { $date }
tokens-unknown = there is, until when is not known
tokens-due = renews itself as soon as amoCRM answers
tokens-none = none
admin-retry-done = All right, sending. { $waiting }
admin-retry-none = There is nothing to send: amoCRM has all requests.
admin-retry-failed =
    Not yet: { $trouble } The requests are safe.
    What to do: { $advice }
admin-leads-none = Nothing is waiting to be sent.
admin-leads-list = Leads that are not in amoCRM yet. Press a number to look at it:
admin-leads-unreadable = Damaged in the bot's store, cannot be sent: { $list }
admin-leads-more = …and { $count } more.
admin-lead =
    Lead #{ $number } ({ $state })
    Name: { $name }
    Phone: { $phone }{ $answers }{ $wish }
    Submitted: { $age } ago
    What is in the way: { $error }
admin-lead-unreadable =
    Lead #{ $number } is damaged in the bot's store ({ $state }); it will not be sent to amoCRM.
    Submitted: { $at }
    Telegram user: { $user }
    In amoCRM: { $crm }
    What is wrong: { $reason }
    What stands there: { $body }
state-waiting = waiting
state-rejected = refused by amoCRM
state-delivered = delivered
state-discarded = deleted
admin-lead-unknown = There is no such lead.
admin-lead-retried = Lead #{ $number } is in line again.
admin-lead-discard-ask = Delete lead #{ $number }? It will not get into amoCRM. Press once more to confirm.
admin-lead-discarded = Lead #{ $number } is deleted.
admin-lead-busy = Lead #{ $number } is being sent right now, try again in a minute.
admin-lead-in-crm = Lead #{ $number } is in amoCRM already.
admin-kept = All right, nothing is deleted.
admin-new-leads =
    { $on ->
        [yes] 🔔 I write here of each new request. Switch it off: /new_leads off
       *[no] 🔕 I do not write of new requests, only of trouble. Switch it on: /new_leads on
    }
admin-new-leads-how = Send /new_leads on to be told of each new request, or /new_leads off not to be.
# What came of requests: /stats and every Monday. These words stand on the picture, too.
admin-stats-title = Requests, { $days }
admin-stats-leads = requests in all
admin-stats-total = Requests in all: { $count }
admin-stats-before = { $days }: { $count }
admin-stats-by-1 = By day:
admin-stats-by-7 = By week, from the day:
admin-stats-by-30 = By 30 days, from the day:
admin-stats-work = After the request
admin-stats-half = half answered within
admin-stats-nine = 90 % answered within
admin-stats-late-15 = waited 15 min or longer
admin-stats-late-60 = waited 60 min or longer
admin-stats-won = bought (stage 142)
admin-stats-touch-line = To the first answer, in working time: half within { $median }, 90 % within { $ninety }
admin-stats-late-line = Waited for an answer 15 min or longer: { $fifteen }; 60 min or longer: { $sixty }
admin-stats-no-touch = When buyers were answered is not known: that takes a managers' chat (MANAGERS_CHAT_ID).
admin-stats-won-line = Bought (stage 142): { $share }
admin-stats-no-won = How many have bought is not known: stages are seen where dealer.toml has [[status]].
admin-stats-funnel = The form: how far they came
admin-stats-came = Came
admin-stats-card = Looking it over
admin-stats-sent = Sent
admin-stats-sources = Where they came from
admin-stats-sources-drawn = From where: requests / came
admin-stats-source-line = { $source }: { $leads } requests of { $came } who came
admin-stats-source-other = other links
admin-stats-source-none = no link
admin-stats-managers = Managers
admin-stats-manager-line = { $manager }: { $leads } requests, half answered within { $median }, bought { $won }
admin-stats-nobody-line = { $manager }: { $leads } requests
admin-stats-nobody = taken by nobody
admin-stats-column-leads = requests
admin-stats-column-half = half within
admin-stats-column-won = bought
admin-stats-more = … and { $count } more
admin-stats-nothing = In these days nobody came and there were no requests. For more days: /stats 30d
admin-stats-how = I did not understand for how many days. Send /stats 7d, /stats 30d or /stats 90d, for example (at most { $most } days). To get the figures every Monday: /stats on, not to get them: /stats off.
admin-stats-weekly =
    { $on ->
        [yes] 📊 I send the figures of the week here on Mondays at 9:00. Switch it off: /stats off
       *[no] 📊 I do not send the figures of the week by myself any more. Switch it on: /stats on. See them now: /stats
    }
admin-new-lead =
    🆕 A new request
    { $lead }
admin-corrected =
    ✏️ A buyer has corrected request #{ $number }
    { $changes }
admin-taken-back =
    🗑 A buyer has withdrawn request #{ $number }: it is not needed any more
admin-finished =
    ✅ A buyer has finished the request
    { $lead }
admin-untouched =
    ⏰ Nobody has dealt with request #{ $number } for { $minutes } min of working time. The managers' chat was told, the card is there.
    What to do: call the buyer yourself, or remind the managers.
admin-user-refused = ℹ️ amoCRM does not take this user as responsible: { $who } ({ $detail }). Requests stay with whoever was responsible before, none is held up. Check crm_user_id under [[manager]] in dealer.toml.
admin-action-refused = ℹ️ amoCRM has not taken a task or a mark that the bot makes for managers' buttons (the first was #{ $number }): { $detail }. The requests themselves and their notes are all right. Check that the bot's user in amoCRM may add tasks and change leads. When amoCRM takes it again, the bot goes on by itself; if not, it tells you again.

## The managers' chat

lead-card =
    🆕 Request #{ $number }
    { $name }
    { $phone }{ $answers }
lead-card-files = Files: { $count }
lead-card-on-its-way = ⏳ Not in amoCRM yet, the bot will add it by itself
lead-card-in-crm = amoCRM: { $url }
lead-card-somewhere-in-crm = In amoCRM
lead-card-no-crm = amoCRM is not connected to the bot
lead-card-given-up = 🗑 Deleted by the admin, it will not get into amoCRM
lead-card-taken-back = 🗑 The buyer has taken the request back
lead-card-taken = 🙋 Taken by { $name }, { $at }
lead-card-reached = ✅ Reached: { $name }, { $at }
lead-card-no-answer = 📵 No answer: { $name }, { $at }
lead-card-junk = 🚫 Not a lead: { $name }, { $at }
lead-card-wiped = Request #{ $number }: the data were deleted at the buyer's wish
lead-card-expired = Request #{ $number }: the data were wiped after the time they are kept for
lead-card-gone = Request #{ $number }: the bot has nothing of it any more
lead-untouched = ⏰ Nobody has dealt with request #{ $number } yet, after { $minutes } min of working time. Press “I take it” on the card, and call.
button-lead-take = 🙋 I take it
button-lead-reached = ✅ Reached
button-lead-no-answer = 📵 No answer
button-lead-junk = 🚫 Not a lead
lead-press-unknown = The bot has no request #{ $number } any more.
lead-press-over = Request #{ $number } is closed: it was deleted, or its buyer has asked for the data to be.
lead-press-taken = Request #{ $number } is yours.
lead-press-yours = You have request #{ $number } already.
lead-press-others = #{ $number } was taken by { $name }, { $at }.
lead-press-said = Written down.
lead-press-said-and-taken = Written down, and request #{ $number } is yours now.
lead-press-said-already = That is written down already.
lead-press-ask = Certainly not a lead? Press “Not a lead” once more to confirm.
lead-press-elsewhere = These buttons work in the managers' chat only.
lead-press-stranger = These buttons work only for members of the managers' chat.

## The admin's chat: the rest

admin-amendment-refused = ℹ️ amoCRM did not take the tag or the fields that the bot updates a lead with (#{ $number } was the first): { $detail }. The note under the lead says what the buyer has changed. Check that the bot's user in amoCRM may change leads and contacts. The bot goes on by itself once amoCRM takes everything, and tells you again if it stops.
admin-no-place-for-words = ℹ️ A buyer has written about a request whose lead and contact are no longer in amoCRM, so here are the words:
    { $text }
talk-waits = ⏳ Telegram does not take this message for the buyer yet. The bot sends it by itself and says so here.
talk-there = ✅ The buyer has it.
talk-closed = ⚠️ Not delivered: the buyer has closed the chat with the bot. Call them.
talk-refused = ⚠️ Not delivered: Telegram does not take this message. Write it in words, or call the buyer.
talk-forgotten = ⚠️ Not delivered: the bot no longer knows this buyer.
talk-edit-stays = ℹ️ The edit does not reach the buyer: write a new message.
talk-copy-gone = The buyer's message about request #{ $number } is no longer in the chat with the bot.
admin-press-over = Nothing is deleted: the button is too old or has been used. If it has to be deleted all the same, begin with “Delete” again.
admin-press-foreign = Nothing is deleted: only whoever pressed “Delete” can confirm it. If it is yours to decide, press “Delete” yourself.
admin-stranger = The bot's commands and buttons here obey the group's administrators only. If this is your job, ask an administrator to add you.
admin-nameless = Here the bot obeys the people on a list, and you write in the group's name. Please write under your own name.
admin-unknown-person = Telegram does not say right now who is an administrator of this group. Please try again in a minute.
admin-lead-expired = Lead #{ $number } ({ $state }): wiped when its time of keeping was over, its number and time are left.
admin-lead-forgotten = Lead #{ $number } ({ $state }): the person's data are deleted, its number and time are left.
admin-forget-how =
    Write after the command whose data are to be deleted: a phone number, or an id in Telegram (it is in the lead's note). For example:
    /forget +79991234567
    /forget 123456789
admin-forget-ambiguous = This is the phone of one person and the Telegram id of another. Write /forget +79991234567 for a phone or /forget user:123456789 for an id.
admin-forget-nobody = The bot holds nothing of such a person.
admin-forget-ask =
    Delete everything the bot holds of this person? Name, phone, answers, the dialogue and copies in files go for good; only the requests' numbers and times stay.
    Requests: { $leads } ({ $numbers }). Telegram accounts: { $accounts }.
    Press once more to confirm.
admin-forget-waiting = ⚠️ Not all requests are in amoCRM: { $numbers }. If you press the button they will not get there. To have them there, wait until they are delivered and send /forget again.
admin-forget-again = This button has been used or is too old. Send /forget again: if nothing is left, I will say so.
admin-forget-changed = Meanwhile there is a request that is not in amoCRM yet, so nothing was deleted. Send /forget again.
admin-forget-done = ✅ The data are deleted. Requests of which only number and time are left: { $leads }. Please delete the messages with these data in this chat yourself.
admin-forget-in-crm =
    amoCRM still holds the data, and only you can delete them there – leads together with their contacts:
    { $list }
admin-withdrawn = A buyer has withdrawn consent to the processing of personal data. The bot has wiped everything and wrote «Согласие отозвано» under the leads.
admin-withdrawn-in-crm =
    The law wants these data to be deleted in amoCRM, too, which only you can do – the leads together with their contacts:
    { $list }
admin-withdrawn-may-be-in-crm =
    These requests may have arrived in amoCRM, look for them by their numbers:
    { $list }
admin-withdrawn-given-up =
    These requests had not been passed on, and the bot will not pass them on any more:
    { $list }
admin-forget-unreadable = Ask whoever installed the bot to look at the files that could not be read: { $names }. They are deleted when they are 30 days old.
admin-backup-caption = Undelivered requests: { $count }. If the bot's disk is lost, put this file into its folder (DATA_DIR): the bot takes them in again and doubles none.
admin-backup-empty = All leads are in amoCRM, there is nothing to send.
admin-backup-failed = The file could not be sent. Try again in a minute: /backup
admin-auth =
    To renew access:
    1. Press "Open amoCRM" and allow access.
    2. A new page opens, perhaps an empty one. Copy its whole address and send it here.
    The code in that address works for 20 minutes. I will delete your message with it at once.
admin-auth-page =
    To renew access press "Open amoCRM", allow access and wait for the page that says "Done". Nothing else is needed.
    If the page does not open, send its whole address here.
admin-auth-group = In a group send it as a reply to this message, or I will not see it.
admin-auth-unavailable = The bot runs without the settings of an amoCRM integration (AMOCRM_CLIENT_ID, AMOCRM_CLIENT_SECRET, AMOCRM_REDIRECT_URL), so there is nothing to renew. Show this to whoever installed the bot.
admin-auth-done =
    ✅ Access to amoCRM is renewed; it works until { $date } and renews itself from then on. { $count ->
        [0] New leads go through at once.
        [one] Sending { $count } lead.
       *[other] Sending { $count } leads.
    }
admin-auth-already = ✅ This code has already worked: there is access to amoCRM until { $date }, and it renews itself from then on. Nothing else is needed.
admin-auth-denied = Access was not given: "Cancel" was pressed in amoCRM. Try again.
admin-auth-no-code = I see no code here. Send the whole address of the page that amoCRM led you to. Or start over.
admin-auth-wrong-state = This address was used already or is too old. Start over, it is quick.
admin-auth-code-used = This code has been used already. Get a new one.
admin-auth-code-expired = The code is too old, it works for 20 minutes. Get a new one.
admin-auth-code-wrong = amoCRM does not know this code. Copy the address again as a whole or get a new one.
admin-auth-wrong-host = This address is not amoCRM's, the code was sent nowhere. Start over.
admin-auth-wrong-account = Access was given for another account: { $host }. Start over and choose in amoCRM the account the bot works with.
admin-auth-refused = It did not work: { $trouble } What to do: { $advice }
admin-auth-failed = It did not work: { $trouble } Try again in a minute.

duration-days = { $days } d { $hours } h
duration-hours = { $hours } h { $minutes } min
duration-minutes = { $minutes } min
duration-seconds = { $seconds } s

## The page after amoCRM

page-done-title = Done
page-done =
    { $waiting ->
        [0] Access to amoCRM is renewed. No leads are waiting, new ones go through at once.
        [one] Access to amoCRM is renewed, { $waiting } lead is being delivered.
       *[other] Access to amoCRM is renewed, { $waiting } leads are being delivered.
    }
page-done-until = It works until { $date } and renews itself from then on. You can close this page.
page-done-close = It renews itself from now on. You can close this page.
page-back = Back to Telegram
page-already-title = Already done
page-already = Access to amoCRM was already given by this link.
page-already-next = Nothing else is needed. You can close this page.
page-failed-title = It did not work
page-again = Go back to Telegram, send /auth to the bot and open the new link.
page-again-later = Wait a minute, go back to Telegram, send /auth to the bot and open the new link.
page-operator = Show this page to whoever installed the bot.
page-denied = Access was not given: "Cancel" was pressed in amoCRM.
page-no-code = There is no code from amoCRM in the address of this page.
page-forged = This link has been used already or is too old.
page-forged-next = If you have seen "Done", nothing else is needed. If not, send /auth to the bot and open the new link.
page-wrong-host = This address is not amoCRM's; the code was sent nowhere.
page-wrong-account = Access was given for another account: { $host }.
page-wrong-account-next = Send /auth to the bot and choose the account it works with.
page-code-used = The code from amoCRM has been used already.
page-code-expired = The code from amoCRM is too old, it works for 20 minutes.
page-code-wrong = amoCRM does not know this code.
page-refused = amoCRM did not give access. It says: { $detail }
page-trouble = What happened: { $trouble }
page-not-configured = The bot runs without the settings of an amoCRM integration.
page-not-stored = Access was given but cannot be saved to disk yet. The bot keeps trying.
page-store = The bot cannot read or write its data right now. The code is not spent.
page-store-next = Reload this page in a minute. If that does not help, show it to whoever installed the bot.
