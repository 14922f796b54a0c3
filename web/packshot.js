// Packshot on the canvas. The frontend loads every .js file below this folder when the page opens, and this is the only
// one: everything else is an .mjs module, which is fetched when it is first needed, by a route of ours.
import { app } from '/scripts/app.js'

const here = new URL('../../packshot/web/', import.meta.url)

/** @param {string} name @returns {Promise<any>} */
const load = (name) => import(new URL(name, here).href)

/** Languages that we speak and the frontend does not. */
const OURS_ALONE = /^de\b/i

/** The nodes that show something of their own, and the module that shows it. */
const SHOWS = {
  PackshotLoadModel: './nodes/badges.mjs',
  PackshotModelInfo: './nodes/badges.mjs',
  PackshotBrand: './nodes/swatches.mjs',
  PackshotBrandLoRA: './nodes/matched.mjs',
  PackshotLoRAStack: './nodes/matched.mjs',
  PackshotVAEDecodeTiled: './nodes/tiles.mjs',
  PackshotVAEEncodeTiled: './nodes/tiles.mjs',
  PackshotMemoryReport: './nodes/memory.mjs'
}

/** Say what went wrong where it can be seen. @param {unknown} error */
function tell(error) {
  const detail = error instanceof Error ? error.message : String(error)
  app.extensionManager.toast.add({ severity: 'error', summary: 'Packshot', detail, life: 8000 })
}

/** @param {string} module @param {string} name */
const run = (module, name) => async () => {
  try {
    await (await load(module))[name]()
  } catch (error) {
    tell(error)
  }
}

/**
 * The panel, which is the same element each time it is shown, so that what was typed into it stays.
 * @type {Promise<{ element: HTMLElement, shown(): void, hidden(): void, changed(): void }> | undefined}
 */
let panel

app.registerExtension({
  name: 'Packshot',
  commands: [
    {
      id: 'Packshot.MakeApp',
      label: 'Make this an App',
      icon: 'pi pi-mobile',
      function: run('./panels/make_app.mjs', 'makeApp')
    },
    {
      id: 'Packshot.SaveRelease',
      label: 'Save a release of this workflow',
      icon: 'pi pi-tag',
      function: run('./panels/release.mjs', 'saveRelease')
    },
    {
      id: 'Packshot.OpenCatalogues',
      label: 'Open the catalogue runs',
      icon: 'pi pi-images',
      function: () => void window.open(new URL('./catalog/index.html', here).href, '_blank', 'noopener')
    }
  ],
  menuCommands: [
    { path: ['Packshot'], commands: ['Packshot.MakeApp', 'Packshot.SaveRelease', 'Packshot.OpenCatalogues'] }
  ],
  settings: [
    {
      id: /** @type {any} */ ('Packshot.NodeBadges'), // the published types list core's own settings alone
      category: ['Packshot', 'Nodes', 'NodeBadges'],
      name: 'Show licence and size on loaders',
      type: 'boolean',
      defaultValue: true
    }
  ],
  setup() {
    app.extensionManager.registerSidebarTab({
      id: 'packshot',
      icon: 'pi pi-box',
      title: 'Packshot',
      tooltip: 'Packshot',
      type: 'custom',
      render: (element) => {
        panel ??= load('./panels/panel.mjs').then((module) => module.makePanel())
        panel.then((made) => {
          element.replaceChildren(made.element)
          made.shown()
        }, tell)
      },
      destroy: () => void panel?.then((made) => made.hidden())
    })
    const api = app.api
    api.addEventListener('execution_error', (event) => {
      load('./nodes/refusal.mjs').then((module) => module.onExecutionError(event.detail), tell)
    })
    // A custom event of the frontend, which the published types leave out.
    api.addEventListener(/** @type {any} */ ('promptQueueing'), () => {
      const before = app.extensionManager.lastNodeErrors // read now: the host may answer before our module is there
      load('./nodes/refusal.mjs').then((module) => module.onQueueing(before), tell)
    })
  },
  async addCustomNodeDefs(definitions) {
    if (OURS_ALONE.test(navigator.language)) await (await load('./lib/names.mjs')).translate(definitions)
  },
  afterConfigureGraph: () => void panel?.then((made) => made.changed()),
  nodeCreated(node) {
    const name = /** @type {any} */ (node).comfyClass ?? ''
    const module = SHOWS[/** @type {keyof typeof SHOWS} */ (name)]
    if (module) load(module).then((loaded) => loaded.attach(node), tell)
  }
})
