class Processor(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  def multiplies_bfloat16(self: __torch__.Processor) -> float:
    if ops.mkldnn._is_mkldnn_bf16_supported():
      does = 1.
    else:
      does = 0.
    return does
