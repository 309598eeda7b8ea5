//! Given names that buyers have: what is one of them is rather a name than anything else.

use std::{collections::HashSet, sync::LazyLock};

/// Whether a word, in lower case, is a common given name. Those that are words of everyday speech, too (`вера`, `роза`,
/// `рад`), are left out.
pub(super) fn is_given_name(word: &str) -> bool {
    NAMES.contains(word.replace('ё', "е").as_str())
}

static NAMES: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    "александр алексей анатолий андрей антон аркадий арсений артем артемий артур богдан борис вадим валентин валерий \
     василий виктор виталий влад владимир владислав вячеслав геннадий георгий герман глеб григорий давид даниил данила \
     данил денис дмитрий евгений егор ефим захар иван игнат игорь илья иннокентий иосиф кирилл климент константин лев \
     леонид макар максим марат марк матвей михаил никита николай олег павел петр платон прохор родион роман ростислав \
     руслан савелий святослав семен сергей степан тарас тимофей тимур федор филипп эдуард эльдар юрий яков ян ярослав \
     саша паша миша гриша леша алеша ваня вова володя витя вася гена дима димон женя жора костя коля леня макс митя \
     никитос петя рома сережа серега слава славик стас толик толя федя шура юра яша санек саня антоха леха миха \
     александра алина алиса алла анастасия ангелина анжела анна антонина арина валентина валерия варвара василиса \
     вероника виктория галина дарья диана ева евгения екатерина елена елизавета жанна зинаида зоя инга инна ирина \
     карина кира клавдия кристина ксения лариса лидия лилия любовь людмила маргарита марина мария милана надежда \
     наталия наталья нина оксана ольга полина раиса регина светлана софия софья тамара татьяна ульяна эвелина эльвира \
     эмилия юлия яна аня настя даша дашуля ира катя кристи ксюша лена лиза люба люда маша надя наташа оля рита света \
     соня таня тоня уля юля варя вика галя лара поля анюта \
     азамат азиз азиза айбек айгуль айгерим айнур айсулу акмаль алибек алишер алмаз анвар арман армен арсен аслан \
     асхат ахмед ахмет аян аяна бахтияр бахром бекзат бекзод болат галым гаяне гиви гульнара гульназ гурген дамир \
     данияр даулет дауд джамшид дильшод динара ержан ерлан жасур жанибек жахонгир заур зафар зураб ибрагим идрис ильдар \
     ильнур ильшат ислам исмаил кайрат камиль карен лейла магомед малика мансур марьям мехмед мурад мурат муса мухаммад \
     нариман нурбек нурлан нурсултан олжас отабек рамиль рамзан рашид ренат ринат рустам саид салават самвел санжар \
     сардор саят серик султан тигран тимерлан улугбек умар фарид фарход фатима хасан шамиль шерзод эльмира эмиль ялчин \
     олексий олександр дмитро микола андрий сергий оксана тарас \
     aleksandr aleksei alex alexander alexey alexei anastasia andrei andrew andrey angela ann anna anton arthur artem boris \
     charles chris christina daniel daria david denis diana dmitri dmitriy dmitry edward ekaterina elena elizabeth emily \
     emma eugene evgeny george gleb igor ilya irina ivan jack jake james jane jason jennifer jessica jim john joseph \
     joshua julia karen kate katherine kevin kirill konstantin lena linda lisa louis lucy lukas maria marina mark mary \
     matthew max maxim michael mike mikhail mohamed muhammad natalia nick nicholas nikita nikolay nina oleg olga oliver \
     olivia pavel peter petr philip polina richard robert roman ruslan ryan samuel sarah sergei sergey simon sofia \
     sophia stephen steven susan svetlana tatiana thomas tim timothy timur tom vadim victor victoria viktor vladimir \
     vladislav william yulia yuri yury"
        .split_whitespace()
        .collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_in_lower_case_and_without_dots() {
        for name in ["иван", "артём", "пётр", "зоя", "айгуль", "tim"] {
            assert!(is_given_name(name), "{name}");
        }
        for word in ["", "белая", "kia", "срочно", "вера"] {
            assert!(!is_given_name(word), "{word}");
        }
    }
}
