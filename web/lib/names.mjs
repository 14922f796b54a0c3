// The names and help of our nodes in a language that we speak and the frontend does not. The frontend reads the `locales/`
// of a node pack in its own languages alone; the definitions of nodes, which it falls back to, an extension may change.
import { translations } from './host.mjs'

// Inputs that are widgets. A socket would save its name with the workflow, for everybody who opens it.
const WIDGETS = new Set(['INT', 'FLOAT', 'STRING', 'BOOLEAN', 'COMBO', 'COLOR'])

/** @param {Record<string, any>} definitions as `/object_info` has them; ours are changed */
export async function translate(definitions) {
  const { nodeDefs = {} } = await translations()
  for (const [id, words] of Object.entries(nodeDefs)) {
    const node = definitions[id]
    if (!node) continue
    node.display_name = words.display_name
    node.description = words.description
    for (const [name, [type, options]] of Object.entries({ ...node.input.required, ...node.input.optional })) {
      const said = words.inputs?.[name]
      if (!said || !options) continue
      if (said.tooltip) options.tooltip = said.tooltip
      if (!options.forceInput && (Array.isArray(type) || WIDGETS.has(type))) options.display_name = said.name
    }
  }
}
