// Asking the host's own routes, and the language in which we speak. The catalogue page, which has no canvas, uses it too.

// This module is <host>/packshot/web/lib/host.mjs, wherever a proxy puts the host.
const HOST = new URL('../../../', import.meta.url)

/** The address of something of ours on the host. @param {string} path below /packshot/ */
export const address = (path) => new URL(`packshot/${path}`, HOST).href

/** An answer that says what is wrong. */
export class Refused extends Error {
  /** @param {number} status @param {{ slug: string, message: string, place: string, remedy: string }} error */
  constructor(status, error) {
    super([error.place && `${error.place}:`, error.message, error.remedy && `(${error.remedy})`].filter(Boolean).join(' '))
    this.status = status
    this.error = error
  }
}

/** Who asks, where core keeps several users apart. @returns {Record<string, string>} */
const user = () => (localStorage['Comfy.userId'] ? { 'Comfy-User': localStorage['Comfy.userId'] } : {})

/**
 * @param {string} path below /packshot/
 * @param {RequestInit} [options]
 * @returns {Promise<any>}
 */
async function ask(path, options = {}) {
  const answer = await fetch(address(path), { ...options, headers: { ...user(), ...options.headers } })
  const content = await answer.json().catch(() => ({}))
  if (answer.ok) return content
  const said = content.error ?? { slug: '', message: `the host answers with ${answer.status}`, place: '', remedy: '' }
  throw new Refused(answer.status, said)
}

/** What goes with every change: the host has a new one each time it starts. @type {Promise<string> | undefined} */
let token

/**
 * Ask for a change; once more where the host has started again since this page was opened.
 * @param {string} path @param {string} type @param {BodyInit} body
 * @returns {Promise<any>}
 */
async function change(path, type, body) {
  const attempt = async () => {
    token ??= ask('boot').then((content) => content.token)
    return ask(path, { method: 'POST', headers: { 'Content-Type': type, 'X-Packshot-Token': await token }, body })
  }
  try {
    return await attempt()
  } catch (error) {
    token = undefined
    if (error instanceof Refused && error.status === 401) return attempt()
    throw error
  }
}

/** @param {string} path */
export const get = (path) => ask(path)

/** @param {string} path @param {unknown} content */
export const post = (path, content) => change(path, 'application/json', JSON.stringify(content))

/** @param {string} path @param {Blob} picture */
export const send = (path, picture) => change(path, picture.type || 'image/png', picture)

/** @type {Promise<any> | undefined} */
let read

/** What `locales/` has of ours in the user's language: `{ packshot, nodeDefs, … }`; English where a language has none. */
export function translations() {
  read ??= Promise.all(
    ['i18n', 'settings/Comfy.Locale'].map((path) => fetch(new URL(path, HOST)).then((answer) => answer.json()))
  ).then(([all, setting]) => {
    const locale = String(setting ?? navigator.language)
    return [locale, locale.split('-')[0], 'en'].map((name) => all[name]).find((words) => words?.packshot)
  })
  return read
}

/**
 * A function that gives a text by its name, with the values put in at `{name}`.
 * @returns {Promise<(name: string, values?: Record<string, string | number>) => string>}
 */
export async function texts() {
  /** @type {Record<string, string>} */
  const known = (await translations()).packshot
  return (name, values = {}) =>
    (known[name] ?? name).replace(/\{(\w+)\}/g, (whole, key) => (key in values ? String(values[key]) : whole))
}
