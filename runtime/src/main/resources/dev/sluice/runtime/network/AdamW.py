class AdamW(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  def norm(self: __torch__.AdamW,
    gradients: List[Tensor]) -> float:
    return float(torch.linalg_vector_norm(torch.stack(torch._foreach_norm(gradients, 2)), 2))
  def zero(self: __torch__.AdamW,
    gradients: List[Tensor]) -> int:
    torch._foreach_zero_(gradients)
    return 0
  def copy(self: __torch__.AdamW,
    targets: List[Tensor],
    sources: List[Tensor]) -> int:
    torch._foreach_copy_(targets, sources)
    return 0
  def step(self: __torch__.AdamW,
    weights: List[Tensor],
    gradients: List[Tensor],
    first: List[Tensor],
    second: List[Tensor],
    average: List[Tensor],
    constants: List[float]) -> int:
    clip, rate, beta1, beta2, epsilon, decay, correction1, correction2, average_decay, = constants
    torch._foreach_mul_(gradients, clip)
    torch._foreach_mul_(weights, torch.sub(1., torch.mul(rate, decay)))
    torch._foreach_lerp_(first, gradients, torch.sub(1., beta1))
    torch._foreach_mul_(second, beta2)
    torch._foreach_addcmul_(second, gradients, gradients, torch.sub(1., beta2))
    scale = torch._foreach_sqrt(second)
    torch._foreach_div_(scale, torch.sqrt(correction2))
    torch._foreach_add_(scale, epsilon)
    torch._foreach_addcdiv_(weights, first, scale, torch.neg(torch.div(rate, correction1)))
    torch._foreach_lerp_(average, weights, torch.sub(1., average_decay))
    return 0
