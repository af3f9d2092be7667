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

/** For what may have the focus: text that is written anew is read aloud again. */
export function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text
}

export function textButton(text: string, className: string, action: () => void): HTMLButtonElement {
  const button = part('button', className, text)
  button.type = 'button'
  button.onclick = action
  return button
}
