// What a person would do on the canvas with the nodes of a pack: runs in ComfyUI's own page. Each function gives a
// workflow as the canvas saves it.
(() => {
    const { app, LiteGraph } = window

    const add = (type, values = {}) => {
        const node = LiteGraph.createNode(type)
        if (!node) throw new Error(`no node type ${type}`)
        node.pos = [(app.graph._nodes.length % 8) * 400, Math.floor(app.graph._nodes.length / 8) * 400]
        app.graph.add(node)
        for (const [name, value] of Object.entries(values)) set(node, name, value)
        return node
    }

    const set = (node, name, value) => {
        const widget = node.widgets.find(each => each.name === name)
        if (!widget) throw new Error(`${node.type} has no widget ${name}`)
        widget.value = value
        widget.callback?.(value, app.canvas, node, [0, 0], {})
    }

    const wire = (from, output, to, input) => {
        const slot = typeof input === "number" ? input : to.inputs.findIndex(each => each.name === input)
        if (!from.connect(output, to, slot)) throw new Error(`${from.type} cannot be wired to ${to.type}, ${input}`)
    }

    // A value that a user could have chosen and that is not the widget's first.
    const other = widget => {
        const { min = 0, max = 100, step2, values } = widget.options ?? {}
        if (widget.type === "number" && typeof widget.value === "number") {
            const next = widget.value + (step2 || 1)
            return next <= max ? next : Math.max(min, widget.value - (step2 || 1))
        }
        if (widget.type === "combo" && Array.isArray(values)) return values.at(-1)
        if (widget.type === "toggle") return !widget.value
        if (["text", "customtext", "string"].includes(widget.type) && typeof widget.value === "string") return `text of ${widget.name}`
        return undefined
    }

    const fresh = async () => {
        await app.loadGraphData({ nodes: [], links: [], version: 0.4 })
        app.graph.clear()
    }

    // Sources of wires: for each type, core's first node that gives it.
    const sources = definitions => {
        const found = {}
        for (const [type, definition] of Object.entries(definitions)) {
            if (!/^(nodes|comfy_extras)/.test(definition.python_module)) continue
            definition.output.forEach((kind, slot) => { if (typeof kind === "string") found[kind] ??= [type, slot] })
        }
        found["*"] = found.IMAGE
        return found
    }

    const settle = () => new Promise(done => setTimeout(done, 100))

    window.packs = {
        // The node types that only JavaScript registers, which no host knows.
        canvasOnly: definitions => Object.keys(LiteGraph.registered_node_types).filter(type => !(type in definitions)),

        // Nodes with other values than new ones have.
        lone: async types => {
            await fresh()
            const nodes = types.map(type => add(type))
            await settle()
            for (const node of nodes) {
                for (const widget of [...(node.widgets ?? [])]) {
                    const value = widget.name === "control_after_generate" ? "fixed" : other(widget)
                    if (value === undefined) continue
                    try { set(node, widget.name, value) } catch { /* a widget that an earlier one has taken away */ }
                }
            }
            await settle()
            return app.graph.serialize()
        },

        // Nodes with all their sockets wired, and their outputs shown.
        wired: async (types, definitions) => {
            await fresh()
            const from = sources(definitions), nodes = types.map(type => add(type))
            await settle()
            for (const node of nodes) {
                for (let slot = 0; slot < (node.inputs?.length ?? 0) && slot < 12; slot++) {
                    const input = node.inputs[slot]
                    const source = input.widget ? undefined : from[String(input.type).split(",")[0]]
                    if (source) try { add(source[0]).connect(source[1], node, slot) } catch { /* it refuses the wire */ }
                }
                for (let slot = 0; slot < (node.outputs?.length ?? 0); slot++) {
                    try { node.connect(slot, add("PreviewAny"), 0) } catch { /* likewise */ }
                }
            }
            await settle()
            return app.graph.serialize()
        },

        submit: async workflow => {
            await app.loadGraphData(workflow)
            await settle()
            return JSON.stringify((await app.graphToPrompt()).output)
        },
    }

    // Workflows as people build them of these nodes: each builds one on an empty canvas.
    const image = () => add("EmptyImage", { width: 64 })
    const save = (from, output = 0) => {
        const node = add("SaveImage")
        wire(from, output, node, "images")
        return node
    }
    const loras = separate => {
        const model = add("CheckpointLoaderSimple"), stack = add("Power Lora Loader (rgthree)"), sampler = add("KSampler")
        if (separate) stack.properties["Show Strengths"] = "Separate Model & Clip"
        wire(model, 0, stack, "model")
        wire(model, 1, stack, "clip")
        wire(stack, 0, sampler, "model")
        stack.addNewLoraWidget().value = { on: true, lora: "brand.safetensors", strength: 0.8, strengthTwo: separate ? 0.5 : null }
        stack.addNewLoraWidget().value = { on: false, lora: "sub/other.safetensors", strength: 1, strengthTwo: null }
    }
    const byName = (setter, getter) => {
        const give = add(setter), take = add(getter)
        wire(image(), 0, give, 0)
        set(give, give.widgets[0].name, "cup")
        set(take, take.widgets[0].name, "cup")
        save(take)
    }
    const cases = {
        "rgthree loras": () => loras(false),
        "rgthree loras with two strengths": () => loras(true),
        "rgthree collector and muter": () => {
            const first = add("Reroute"), second = add("Reroute"), group = add("Node Collector (rgthree)")
            wire(image(), 0, first, 0)
            wire(first, 0, second, 0)
            const saved = save(second)
            wire(saved.getInputNode(0), 0, group, 0)
            const muter = add("Fast Muter (rgthree)")
            wire(group, 0, muter, 0)
        },
        "rgthree decorations": () => {
            save(image())
            for (const type of ["Bookmark (rgthree)", "Label (rgthree)", "Fast Groups Muter (rgthree)", "Fast Groups Bypasser (rgthree)"]) add(type)
        },
        "rgthree switch and context": () => {
            const any = add("Any Switch (rgthree)"), context = add("Context (rgthree)"), model = add("CheckpointLoaderSimple")
            wire(image(), 0, any, 1)
            save(any)
            wire(model, 0, context, "model")
            wire(context, context.outputs.findIndex(each => each.name === "MODEL"), add("KSampler"), "model")
        },
        "rgthree primitive and puter": () => {
            const number = add("Power Primitive (rgthree)", { type: "INT" })
            const puter = add("Power Puter (rgthree)", { code: "a + 1" })
            wire(number, 0, puter, 0)
            wire(puter, 0, add("PreviewAny"), 0)
        },
        "video combine with its format's own widgets": () => {
            const combine = add("VHS_VideoCombine", { format: "video/h264-mp4" })
            for (const [name, value] of [["crf", 25], ["pix_fmt", "yuv420p10le"], ["save_metadata", false], ["frame_rate", 24]]) {
                if (combine.widgets.some(each => each.name === name)) set(combine, name, value)
            }
            wire(image(), 0, combine, "images")
        },
        "video loader and batch manager": () => {
            const load = add("VHS_LoadVideoPath", { video: "in.mp4", frame_load_cap: 16, custom_width: 512 })
            wire(add("VHS_BatchManager", { frames_per_batch: 8 }), 0, load, "meta_batch")
            wire(load, 0, add("VHS_VideoCombine"), "images")
        },
        "KJNodes wires by name": () => byName("SetNode", "GetNode"),
        "KJNodes inputs that grow": () => {
            const join = add("ImageBatchMulti", { inputcount: 3 })
            join.widgets.find(each => each.type === "button")?.callback()
            for (const slot of ["image_1", "image_2", "image_3"]) wire(image(), 0, join, slot)
            save(join)
        },
        "Easy-Use wires by name": () => byName("easy setNode", "easy getNode"),
        "Easy-Use bookmark and lora stack": () => {
            save(image())
            add("easy bookmark")
            add("easy loraStack", { num_loras: 2, lora_1_strength: 0.5 })
        },
        "everywhere": () => {
            const first = image(), everywhere = add("Anything Everywhere"), other = add("SaveImage")
            wire(first, 0, everywhere, 0)
            save(image())
            set(other, "filename_prefix", "broadcast")
        },
        "prompts everywhere": () => {
            const model = add("CheckpointLoaderSimple"), prompts = add("Prompts Everywhere"), clip = add("Anything Everywhere")
            wire(model, 1, clip, 0)
            wire(add("CLIPTextEncode", { text: "a mug" }), 0, prompts, 0)
            wire(add("CLIPTextEncode", { text: "blur" }), 0, prompts, 1)
            wire(model, 0, add("KSampler"), "model")
        },
        "Custom-Scripts text": () => {
            const show = add("ShowText|pysssss")
            wire(add("StringFunction|pysssss", { text_a: "a", text_b: "b" }), 0, show, 0)
            save(image())
        },
        "Custom-Scripts mathematics": () => {
            const sum = add("MathExpression|pysssss", { expression: "a * 2" })
            wire(image(), 0, sum, "a")
            wire(sum, 0, add("PreviewAny"), 0)
        },
        "mtb note": () => {
            save(image())
            add("Note Plus (mtb)")
        },
    }
    window.packs.cases = Object.keys(cases)
    window.packs.build = async name => {
        await fresh()
        cases[name]()
        await settle()
        await app.graphToPrompt() // some packs note wires in the file as it is submitted
        return app.graph.serialize()
    }
})()
