class VelocityMlp(Module):
  __parameters__ = ["in_weight", "in_bias", "class_embedding", "hidden_weight", "hidden_bias", "out_weight", "out_bias", ]
  __buffers__ = []
  in_weight : Tensor
  in_bias : Tensor
  class_embedding : Tensor
  hidden_weight : Tensor
  hidden_bias : Tensor
  out_weight : Tensor
  out_bias : Tensor
  training : bool
  frequencies : int
  def forward(self: __torch__.VelocityMlp,
    x: Tensor,
    t: Tensor,
    label: Tensor) -> Tensor:
    index = torch.arange(self.frequencies, dtype=6, layout=None, device=ops.prim.device(t), pin_memory=None)
    frequency = torch.mul(torch.exp(torch.mul(index, torch.div(4.605170185988092, self.frequencies))), 1.5707963267948966)
    angle = torch.mul(torch.unsqueeze(t, 1), frequency)
    features = torch.cat([x, torch.cos(angle), torch.sin(angle)], 1)
    h = torch.add(torch.linear(features, self.in_weight, self.in_bias), torch.embedding(self.class_embedding, label))
    h = torch.silu(h)
    weights = torch.unbind(self.hidden_weight)
    biases = torch.unbind(self.hidden_bias)
    for i in range(torch.len(weights)):
      h = torch.silu(torch.linear(h, weights[i], biases[i]))
    return torch.linear(h, self.out_weight, self.out_bias)
