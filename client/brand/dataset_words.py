"""Everyday words, which make bad triggers: English and German, and the words of product photography."""

from __future__ import annotations

_WORDS = """
a an and are art artist as at back background bag bags beautiful beauty best big black blue book bottle bottles box
brand bright brown camera car cat catalog catalogue ceramic chair chairs child city clean clear close closeup cloth
clothes clothing cold color colorful colors colour colours company cool copper cotton cream cup cups dark day deep
design detail detailed device dog door dress drink earth elegant elements face fashion feet film fine fire flat floor
flower flowers food for form frame fresh front fruit furniture garden gift girl glass glasses gold golden good gray
great green grey hair hand hands hat heart high home hot house illustration image images in indoor interior iron is it
item jacket jar jewelry kitchen label lamp large leather left lid light lighting line linen lit little logo long look
love low luxury macro made man marble mark material matt matte metal minimal minimalist model modern morning mug mugs
natural nature new night number object of office old on one orange outdoor pack package packaging packshot pan paper
park pastel pattern people perfume person photo photograph photographer photography photos picture pictures pink plain
plant plastic plate portrait poster pot premium print product products professional purple quality red render rendering
right ring rings room rose round rug rustic scene sea set shadow shadows sharp shelf shirt shirts shoe shoes shop shot
side silver simple sky small sneaker soft sofa spring square stand steel stone street studio style styled suit summer
sun surface table tan tea texture the thing top toy tree vase view vintage violet wall warm watch water white wide
window winter with woman wood wooden wool work world yellow young
auf aus bild blau braun das der die ein eine flasche foto gelb glas grau gross haus hell holz im ist kanne klein lampe
licht marke mit neu orange produkt rosa rot schal schale schatten schuh schwarz sofa stil stuhl tasche tasse teller
tisch und unter uhr vase von weiss weiß wolle
"""

COMMON = frozenset(_WORDS.split())
