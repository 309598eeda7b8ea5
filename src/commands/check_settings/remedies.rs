//! What to do, in English and Russian: `{}` stands for the same in both, in the same order. Longer phrases come before those they end with.

/// What to do.
pub const REMEDIES: &[(&str, &str)] = &[
    ("Did you mean {}?", "Возможно, {}?"),
    ("There are: {}", "Есть: {}"),
    ("One of: {}", "Одно из: {}"),
    (
        "Get it from @BotFather in Telegram: /mybots → your bot → API Token",
        "Возьмите его у @BotFather в Telegram: /mybots → ваш бот → API Token",
    ),
    ("Use https:// there, or a proxy in your own network", "Поставьте там https:// или прокси в своей сети"),
    (
        "Leave it out, or give the address of your own Bot API server, several with commas between them",
        "Уберите или дайте адрес своего сервера Bot API, несколько – через запятую",
    ),
    (
        "Ask your proxy's provider; several stand with commas between them, and a comma in a password is %2C",
        "Спросите того, у кого прокси; несколько пишут через запятую, запятую в пароле – %2C",
    ),
    (
        "Write to @userinfobot to learn your id; a group's id begins with a minus",
        "Напишите @userinfobot, чтобы узнать свой id; id группы начинается с минуса",
    ),
    (
        "Add the bot to the managers' group; a group's id begins with a minus",
        "Добавьте бота в группу менеджеров; id группы начинается с минуса",
    ),
    (
        "Ids of people with commas between them; each learns their own from @userinfobot",
        "id людей через запятую; каждый узнаёт свой у @userinfobot",
    ),
    ("Leave it out, or let ADMIN_CHAT_ID name a group", "Уберите или укажите группу в ADMIN_CHAT_ID"),
    (
        "An https:// address that takes a POST of JSON with a field text, of your messenger or monitoring",
        "Адрес https:// вашего мессенджера или мониторинга, который принимает POST с JSON и полем text",
    ),
    (
        "Such as smtps://robot%40example.com:password@smtp.example.com/?to=you@example.com; in the password @ : / # ? % are written %40 %3A %2F %23 %3F %25",
        "Например, smtps://robot%40example.com:password@smtp.example.com/?to=you@example.com; в пароле @ : / # ? % пишут %40 %3A %2F %23 %3F %25",
    ),
    (
        "Use smtps://, or smtp:// with &tls=required, or allow it on purpose with ALLOW_PLAINTEXT={}",
        "Поставьте smtps:// или smtp:// с &tls=required либо разрешите это намеренно: ALLOW_PLAINTEXT={}",
    ),
    (
        "If `test-alerts` fails, use smtp:// with &tls=required, or port 465",
        "Если `test-alerts` не проходит, поставьте smtp:// с &tls=required или порт 465",
    ),
    (
        "Use https://, or allow it on purpose with ALLOW_PLAINTEXT={}",
        "Поставьте https:// или разрешите это намеренно: ALLOW_PLAINTEXT={}",
    ),
    (
        "It is the first part of your amoCRM address: acme for https://acme.amocrm.ru",
        "Это первая часть адреса вашей amoCRM: acme для https://acme.amocrm.ru",
    ),
    (
        "Copy it whole from amoCRM: amoМаркет → ⋯ → your integration → the tab «Ключи и доступы» (Keys and scopes)",
        "Скопируйте целиком из amoCRM: amoМаркет → ⋯ → ваша интеграция → вкладка «Ключи и доступы»",
    ),
    (
        "It stands in amoCRM: amoМаркет → ⋯ → your integration → the tab «Ключи и доступы» (Keys and scopes)",
        "Он в amoCRM: amoМаркет → ⋯ → ваша интеграция → вкладка «Ключи и доступы»",
    ),
    (
        "Leave it out for a long-lived token; otherwise both stand in the answer to the code",
        "С долгосрочным токеном уберите; иначе оба стоят в ответе на код",
    ),
    (
        "Run `amocrm-lead-bot test-amocrm`: it lists the pipelines and their statuses with their ids",
        "Выполните `amocrm-lead-bot test-amocrm`: он покажет воронки и этапы с номерами",
    ),
    ("It stands in the address of the user's card in amoCRM", "Он в адресе карточки пользователя в amoCRM"),
    ("It stands in the settings of the lead's fields in amoCRM", "Он в настройках полей сделки в amoCRM"),
    ("Leave it out: AMOCRM_SUBDOMAIN is enough", "Уберите: хватит AMOCRM_SUBDOMAIN"),
    ("Leave it out for telegram_bot", "Уберите, и тег будет telegram_bot"),
    (
        "It must be the same, letter for letter, as in the integration's settings in amoCRM: https://…",
        "Буква в букву как в настройках интеграции в amoCRM: https://…",
    ),
    (
        "The code that amoCRM adds behind it would be lost; take it out in both places",
        "Код, который amoCRM допишет в конце, пропал бы; уберите в обоих местах",
    ),
    (
        "A whole number from 1 to 7 (amoCRM blocks accounts above 7); leave it out for 5",
        "Целое число от 1 до 7 (больше 7 amoCRM блокирует); без настройки – 5",
    ),
    (
        "Take it from your database's provider, or leave it out to keep everything in a file in DATA_DIR",
        "Возьмите у того, у кого база, или уберите: тогда всё хранится в файле в DATA_DIR",
    ),
    ("Leave it out to keep everything in a file in DATA_DIR", "Уберите: тогда всё хранится в файле в DATA_DIR"),
    (
        "Add {}sslmode=require at its end (in place of another sslmode), or allow plain text on purpose with ALLOW_PLAINTEXT={}",
        "Допишите в конце {}sslmode=require (вместо другого sslmode) или намеренно разрешите открытый текст: ALLOW_PLAINTEXT={}",
    ),
    (
        "Give one address that always leads to the server that writes",
        "Дайте один адрес, который всегда ведёт на пишущий сервер",
    ),
    (
        "In the password write @ as %40, : as %3A, / as %2F, # as %23, ? as %3F and % as %25",
        "В пароле @ пишут %40, : – %3A, / – %2F, # – %23, ? – %3F, % – %25",
    ),
    ("Give the path of a PEM file", "Дайте путь к файлу PEM"),
    ("Take the address from your database's provider", "Возьмите адрес у того, у кого база"),
    ("Such as sslmode=require", "Например, sslmode=require"),
    ("Give both or none", "Дайте оба или ни одного"),
    (
        "How many are enough, such as 10; 0 or off is no limit",
        "Сколько достаточно, например 10; 0 или off – без предела",
    ),
    (
        "16 to 128 latin letters, digits, _ and -, such as `openssl rand -hex 24` prints",
        "От 16 до 128 латинских букв, цифр, _ и -; такой напечатает `openssl rand -hex 24`",
    ),
    (
        "The address of your privacy policy, such as https://example.com/privacy",
        "Адрес вашей политики, например https://example.com/privacy",
    ),
    ("Two letters of a country, such as RU, KR or KZ", "Две буквы страны, например RU, KR или KZ"),
    ("The ping address of your monitoring service", "Адрес, который ждёт ваш мониторинг"),
    (
        "Set HTTP_ADDR, or leave the secret out: changes are asked for anyway",
        "Задайте HTTP_ADDR или уберите секрет: бот и так спрашивает об изменениях",
    ),
    (
        "Such as 127.0.0.1:8080; leave it out to switch the page off",
        "Например, 127.0.0.1:8080; без настройки страницы нет",
    ),
    (
        "Heroku sets it; elsewhere use HTTP_ADDR or leave it out",
        "Его задаёт Heroku; в других местах – HTTP_ADDR, или уберите",
    ),
    ("All of them are in .env.example", "Все они в .env.example"),
    (
        "Names or addresses alone, with commas between them, such as telegram.example.org,203.0.113.7",
        "Только имена или адреса через запятую, например telegram.example.org,203.0.113.7",
    ),
    ("Type it in once more", "Наберите заново"),
    ("Leave the quotes out", "Уберите кавычки"),
    ("Copy it once more, in one line", "Скопируйте ещё раз, одной строкой"),
    ("Give the address without what is before the @", "Дайте адрес без того, что до @"),
    ("Leave it out for on", "Уберите, и будет on"),
    ("Give the whole path", "Дайте путь целиком"),
    ("Give a folder that this user may write to", "Дайте папку, в которую этот пользователь может писать"),
    ("Leave it out: it is for tests", "Уберите: это для тестов"),
    (
        "Each line is NAME=value; put values with spaces or # into quotes",
        "Каждая строка – NAME=value; значения с пробелами или # пишут в кавычках",
    ),
    (
        "Make it a text file with lines NAME=value, or take it away",
        "Сделайте его текстовым файлом со строками NAME=value или уберите",
    ),
    ("Save it as UTF-8 in your editor", "Сохраните его в редакторе как UTF-8"),
    ("Close it: chmod 600 .env", "Закройте его: chmod 600 .env"),
    (
        "If it belongs to the value, put that into single quotes: NAME='a$b'",
        "Если это часть значения, возьмите его в одинарные кавычки: NAME='a$b'",
    ),
    ("Look through it and close it: chmod 600 .env", "Просмотрите и закройте его: chmod 600 .env"),
    (
        "Make it belong to the user who runs this (id {}) or to root, or run this in another folder",
        "Отдайте его тому, кто запускает бота (id {}), или root, или запускайте в другой папке",
    ),
    ("Let the user who runs this read it", "Дайте его читать тому, кто запускает бота"),
    ("Write something, or leave it out", "Напишите что-нибудь или уберите"),
    ("Put it shorter", "Скажите короче"),
    ("Ids are whole numbers above 0", "id – целые числа больше нуля"),
    (
        "A number and m, h or d, such as \"15m\", \"2h\" or \"30d\"; or \"off\"",
        "Число и m, h или d, например \"15m\", \"2h\" или \"30d\"; или \"off\"",
    ),
    ("Such as \"09:00-19:00\", or \"off\" for a day off", "Например, \"09:00-19:00\", или \"off\" для выходного"),
    (
        "Name at least one day, such as mon = \"09:00-19:00\"; or leave [hours] out",
        "Назовите хотя бы один день, например mon = \"09:00-19:00\"; или уберите [hours]",
    ),
    ("Ask less", "Спрашивайте меньше"),
    ("Every question has a key of its own", "У каждого вопроса свой ключ"),
    ("A field takes one answer", "Поле берёт один ответ"),
    ("Name and phone are asked in every form", "Имя и телефон есть в каждой анкете"),
    (
        "Small Latin letters, digits and _, a letter first, at most {}",
        "Строчные латинские буквы, цифры и _, первой буква, не больше {}",
    ),
    ("Write kind = \"{}\"", "Напишите kind = \"{}\""),
    ("Without it nobody can call back", "Без него некому перезвонить"),
    ("Leave it out", "Уберите"),
    ("They are for choice, money, number and text", "Они для choice, money, number и text"),
    ("Name at least one of them", "Назовите хотя бы один"),
    ("Name at least one", "Назовите хотя бы один"),
    ("Offer less, or ask with kind text", "Предложите меньше или спросите с kind text"),
    ("Leave one of them out", "Уберите один из них"),
    ("The code or the id of a lead's field", "Код или id поля сделки"),
    ("Write repeat = \"new\" for that", "Для этого напишите repeat = \"new\""),
    ("dealer.toml.example shows how it is written", "Как это пишется, показывает dealer.toml.example"),
    ("Add {} = \"…\", or take {} out of languages", "Добавьте {} = \"…\" или уберите {} из languages"),
    ("Add it to languages, or leave it out", "Добавьте его в languages или уберите"),
    ("Write https://", "Напишите https://"),
    ("Put the file beside dealer.toml, or correct its name", "Положите файл рядом с dealer.toml или исправьте имя"),
    ("Let the bot's user read it", "Дайте его читать пользователю бота"),
    ("Buyers open it on a phone: make it smaller", "Покупатели открывают его на телефоне: сделайте меньше"),
    ("Write what buyers consent to into it", "Напишите в нём, на что согласен покупатель"),
    ("Such as {}", "Например, {}"),
];
