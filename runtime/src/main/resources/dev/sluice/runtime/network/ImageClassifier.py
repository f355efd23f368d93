class ImageClassifier(Module):
  __parameters__ = ["conv1_weight", "conv1_bias", "conv2_weight", "conv2_bias", "conv3_weight", "conv3_bias", "feature_weight", "feature_bias", "class_weight", "class_bias", ]
  __buffers__ = []
  conv1_weight : Tensor
  conv1_bias : Tensor
  conv2_weight : Tensor
  conv2_bias : Tensor
  conv3_weight : Tensor
  conv3_bias : Tensor
  feature_weight : Tensor
  feature_bias : Tensor
  class_weight : Tensor
  class_bias : Tensor
  training : bool
  def forward(self: __torch__.ImageClassifier,
    x: Tensor) -> Tensor:
    h = torch.relu(torch.conv2d(x, self.conv1_weight, self.conv1_bias, [1, 1], [1, 1]))
    h = torch.max_pool2d(h, [2, 2], [2, 2])
    h = torch.relu(torch.conv2d(h, self.conv2_weight, self.conv2_bias, [1, 1], [1, 1]))
    h = torch.max_pool2d(h, [2, 2], [2, 2])
    h = torch.relu(torch.conv2d(h, self.conv3_weight, self.conv3_bias, [1, 1], [1, 1]))
    features = torch.relu(torch.linear(torch.flatten(h, 1), self.feature_weight, self.feature_bias))
    logits = torch.linear(features, self.class_weight, self.class_bias)
    return torch.cat([features, logits], 1)
