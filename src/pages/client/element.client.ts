// Elements of the page, as the script makes them. Text is always text, never HTML.

export function part<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  className = '',
  text = '',
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag)
  element.className = className
  element.textContent = text
  return element
}

export function textButton(text: string, className: string, action: () => void): HTMLButtonElement {
  const button = part('button', className, text)
  button.type = 'button'
  button.onclick = action
  return button
}
