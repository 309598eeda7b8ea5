//! What can be done, in words.

/// What can be done, in at most 80 columns; the other language by the other word.
pub const HELP: [&str; 2] = [
    "\
You are the buyer: a number presses the button of that number, anything else
is said to the bot. The same in Russian: помощь

  :say TEXT             say it even if it is a number
  :edit TEXT            change the last thing you have said
  :photo [FILE]         send a photo      :contact   share the phone number
  :sticker              send a sticker
  :buyer NAME           be another buyer, or one of before
  :english [NAME]       another buyer, whose phone is in English
  :admin [N | TEXT]     the admin's chat; press button N there, or say TEXT
  :group [N | TEXT]     the managers' group; press button N, or reply TEXT
  :stage [N]            move the newest lead to stage N, in amoCRM
  :crm                  what is in the CRM
  :crm off | slow | on  switch the CRM off, make it slow, switch it on
  :expire  :tokens      both tokens expire; new tokens into the files
  :code                 an authorization code
  :run COMMAND          a command: status, leads list, --help
  :status  :retry       the commands status and retry-backup-leads
  :kill  :restart       kill -9; stop it politely if it runs, and start it
  :wipe                 kill it and empty its disk
  :backup  :log [N]     backup_leads.json; the last lines of the log
  help  quit",
    "\
Вы покупатель: число нажимает кнопку с этим номером, остальное вы говорите
боту. The same in English: help

  :say ТЕКСТ            сказать и число
  :edit ТЕКСТ           исправить последнее сообщение
  :photo [ФАЙЛ]         отправить фото    :contact   отправить свой номер
  :sticker              отправить стикер
  :buyer ИМЯ            другой покупатель или один из прежних
  :english [ИМЯ]        покупатель, чей телефон на английском
  :admin [N | ТЕКСТ]    чат администратора; нажать там кнопку N, сказать
  :group [N | ТЕКСТ]    группа менеджеров; нажать кнопку N, ответить
  :stage [N]            передвинуть новейшую сделку на этап N в amoCRM
  :crm                  что есть в amoCRM
  :crm off | slow | on  выключить её, сделать медленной, включить
  :expire  :tokens      оба токена истекли; новые токены в файлы
  :code                 код авторизации
  :run КОМАНДА          команда программы: status, leads list, --help
  :status  :retry       команды status и retry-backup-leads
  :kill  :restart       kill -9; остановить и запустить
  :wipe                 убить программу и стереть её диск
  :backup  :log [N]     backup_leads.json; последние строки журнала
  помощь  quit",
];
