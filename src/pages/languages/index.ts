// The languages of the pages, as text: JSON that is parsed when a visitor needs it. A new language is a file
// here and a line below; languages.test.ts holds its keys against English. Portuguese is Brazil's, Spanish
// that of no one country; Chinese is told apart by its script.

import ar from './ar.json?text'
import de from './de.json?text'
import en from './en.json?text'
import es from './es.json?text'
import fr from './fr.json?text'
import he from './he.json?text'
import hi from './hi.json?text'
import it from './it.json?text'
import ja from './ja.json?text'
import ko from './ko.json?text'
import nl from './nl.json?text'
import pl from './pl.json?text'
import pt from './pt.json?text'
import ru from './ru.json?text'
import tr from './tr.json?text'
import uk from './uk.json?text'
import zhHans from './zh-hans.json?text'
import zhHant from './zh-hant.json?text'

/** Code (BCP 47, canonical) → JSON: key → sentence. */
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
