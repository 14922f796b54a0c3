// A form in a dialog of the browser's own, which keeps the focus inside and closes with Escape.
import { h, style } from './dom.mjs'

/**
 * Ask for something.
 * @template T
 * @param {string} title
 * @param {HTMLElement[]} fields
 * @param {{ go: string, cancel: string }} words
 * @param {() => Promise<T>} submit throws what is shown in the dialog, which stays open then
 * @returns {Promise<T | undefined>} undefined where the person changed their mind
 */
export function ask(title, fields, words, submit) {
  style()
  return new Promise((resolve) => {
    const note = h('p', { class: 'ps-note ps-bad', role: 'alert' })
    const go = /** @type {HTMLButtonElement} */ (h('button', { type: 'submit', class: 'ps-button ps-main' }, words.go))
    const cancel = h('button', { type: 'button', class: 'ps-button', onclick: () => dialog.close() }, words.cancel)
    const form = h('form', { class: 'ps-stack' }, h('h2', { id: 'packshot-dialog' }, title), ...fields, note, h('div', { class: 'ps-row' }, go, cancel))
    const dialog = /** @type {HTMLDialogElement} */ (h('dialog', { class: 'ps-dialog', 'aria-labelledby': 'packshot-dialog' }, form))
    // The canvas acts on keys such as Delete wherever they are pressed.
    dialog.addEventListener('keydown', (event) => event.stopPropagation())
    form.addEventListener('submit', async (event) => {
      event.preventDefault()
      go.disabled = true
      note.textContent = ''
      try {
        resolve(await submit())
        dialog.close()
      } catch (error) {
        note.textContent = error instanceof Error ? error.message : String(error)
      }
      go.disabled = false
    })
    dialog.addEventListener('close', () => {
      dialog.remove()
      resolve(undefined)
    })
    document.body.append(dialog)
    dialog.showModal()
  })
}

/**
 * A labelled line of text.
 * @param {string} label @param {string} value @param {Record<string, any>} [attributes]
 * @returns {[HTMLElement, HTMLInputElement]}
 */
export function line(label, value, attributes = {}) {
  const input = /** @type {HTMLInputElement} */ (h('input', { type: 'text', autocomplete: 'off', ...attributes, value }))
  return [h('label', { class: 'ps-field' }, h('span', {}, label), input), input]
}

/** The pattern of a workflow's name, as the host checks it. */
export const NAME = '[a-z0-9]+(-[a-z0-9]+)*'

/** A name that fits the pattern, made of any text. @param {string} text */
export const asName = (text) =>
  text.normalize('NFKD').toLowerCase().replace(/\.app$|\.json$/g, '').replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 60) || 'workflow'
