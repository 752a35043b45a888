"""Models that cannot be sized like a decoder, each with why: said at once instead of an error about a missing key."""

from collections.abc import Mapping

from modelyard.errors import UsageError, quote
from modelyard.hub.config import Config
from modelyard.hub.files import Files
from modelyard.units import GB

ENCODER_DECODER = (
    "an encoder-decoder",
    "its decoder caches keys and values of what the encoder read (cross-attention) beside those of its own tokens",
)
IMAGE_OR_SOUND = ("a model of images or sounds, not of text", "it has no context and no KV cache to size")
STATE_SPACE = ("a model without attention", "it keeps one state per request, whatever the context, and no KV cache")

_TYPES = {
    ENCODER_DECODER: """
        t5 mt5 umt5 t5gemma longt5 switch_transformers bart mbart plbart m2m_100 nllb-moe marian pegasus pegasus_x led
        prophetnet blenderbot blenderbot-small bigbird_pegasus whisper moonshine speech_to_text seamless_m4t
        seamless_m4t_v2 speecht5 florence2 donut vision-encoder-decoder encoder-decoder trocr nougat pix2struct
    """,
    IMAGE_OR_SOUND: """
        clip clip_text_model chinese_clip siglip siglip2 align altclip vit deit beit dinov2 dinov3_vit swin convnext
        resnet detr owlvit sam sam2 wav2vec2 wav2vec2-bert hubert wavlm clap audio-spectrogram-transformer encodec
        depth_anything
    """,
    STATE_SPACE: "mamba mamba2 falcon_mamba rwkv rwkv5 rwkv6 rwkv7 xlstm retnet",
}
_BY_TYPE: Mapping[str, tuple[str, str]] = {name: kind for kind, names in _TYPES.items() for name in names.split()}


def refuse_unmodelled(files: Files, config: Config) -> None:
    """Refuse a model whose memory follows other rules than a decoder's or an encoder's.

    Args:
        files: the model's files, whose size is said.
        config: the whole config.

    Raises:
        UsageError: what it is, why it cannot be sized, and what is known of it.
    """
    model_type = (config.word("model_type") or "").removeprefix("gguf-")
    kind = _BY_TYPE.get(model_type)
    if kind is None and config.flag("is_encoder_decoder"):
        kind = ENCODER_DECODER
    if kind is None:
        return
    what, why = kind
    raise UsageError(
        f"{quote(files.origin.hub_id)} is {what} ({model_type or 'no model_type'}): its memory is not modelled",
        details=f"because  {why}\nknown    {_weights(files)}",
        resolution="take the weights as the least that it needs, and read the rest off the log of a test run",
    )


def _weights(files: Files) -> str:
    for ending in (".safetensors", ".gguf", ".bin"):
        sizes = [size for name, size in files.sizes().items() if name.endswith(ending) and "/" not in name]
        if sizes:
            least = "at least " if None in sizes else ""
            return f"its weight files have {least}{sum(size or 0 for size in sizes) / GB:,.2f} GB"
    return "it holds no weight files"
