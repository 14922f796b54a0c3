# Set DIT, VAE and TEXT_ENCODER to the model's files, and run this in musubi-tuner's folder.
# Not carried over, set it by hand if it matters: ema_decay 0.99; caption_dropout 0.05.
python src/musubi_tuner/flux_2_cache_latents.py \
    --dataset_config kiln-dataset.toml \
    --vae "$VAE" \
    --model_version flux.2-klein-base-4b
python src/musubi_tuner/flux_2_cache_text_encoder_outputs.py \
    --dataset_config kiln-dataset.toml \
    --text_encoder "$TEXT_ENCODER" \
    --model_version flux.2-klein-base-4b
accelerate launch \
    --num_cpu_threads_per_process 1 \
    --mixed_precision bf16 src/musubi_tuner/flux_2_train_network.py \
    --dit "$DIT" \
    --vae "$VAE" \
    --text_encoder "$TEXT_ENCODER" \
    --model_version flux.2-klein-base-4b \
    --dataset_config kiln-dataset.toml \
    --sdpa \
    --mixed_precision bf16 \
    --timestep_sampling flux2_shift \
    --weighting_scheme none \
    --gradient_checkpointing \
    --network_module networks.lora_flux_2 \
    --network_dim 16 \
    --network_alpha 16 \
    --optimizer_type adamw \
    --learning_rate 0.0002 \
    --lr_scheduler cosine \
    --lr_warmup_steps 20 \
    --gradient_accumulation_steps 1 \
    --max_train_steps 500 \
    --save_every_n_steps 50 \
    --save_state \
    --seed 0 \
    --output_dir output \
    --output_name kiln
