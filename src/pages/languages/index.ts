// The languages of the pages, as text: JSON that is parsed when a visitor needs it. A new language is a file
// here and a line below; languages.test.ts holds its keys against English.

import en from './en.json?text'

export const languageFiles = { en }

export type LanguageCode = keyof typeof languageFiles
