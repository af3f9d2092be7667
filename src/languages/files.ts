// The languages of the pages: JSON files, each read out of the executable when a visitor needs it.
// To add a language, add its file, an import and a row here; languages.test.ts compares its keys
// with those of English. The Portuguese is Brazil's, the Spanish that of no one country; there is
// one Chinese for each script.

import ar from './ar.json?asset'
import de from './de.json?asset'
import en from './en.json?asset'
import es from './es.json?asset'
import fr from './fr.json?asset'
import he from './he.json?asset'
import hi from './hi.json?asset'
import it from './it.json?asset'
import ja from './ja.json?asset'
import ko from './ko.json?asset'
import nl from './nl.json?asset'
import pl from './pl.json?asset'
import pt from './pt.json?asset'
import ru from './ru.json?asset'
import tr from './tr.json?asset'
import uk from './uk.json?asset'
import zhHans from './zh-hans.json?asset'
import zhHant from './zh-hant.json?asset'

/** Code (BCP 47, in its canonical form) → a function that gives its JSON: key → sentence. */
export const languageFiles = {
  ar,
  de,
  en,
  es,
  fr,
  he,
  hi,
  it,
  ja,
  ko,
  nl,
  pl,
  pt,
  ru,
  tr,
  uk,
  'zh-Hans': zhHans,
  'zh-Hant': zhHant,
}

export type LanguageCode = keyof typeof languageFiles
