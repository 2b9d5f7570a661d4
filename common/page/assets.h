/* assets.h - the sources of a page, as they are in the folder attention: page.html, page.css and,
 * put together, the script.
 *
 * assets.S puts them into the library. The HTML is a template: what stands in it as {{word}} is
 * replaced when a page is written.
 */
#ifndef MEMOSCOPE_ASSETS_H
#define MEMOSCOPE_ASSETS_H

extern const char asset_attention_html[], asset_attention_html_end[];
extern const char asset_attention_css[], asset_attention_css_end[];
extern const char asset_attention_js[], asset_attention_js_end[];

#endif
